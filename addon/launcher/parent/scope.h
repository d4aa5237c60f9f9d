// A transient scope of systemd, which makes the control group: asked for by busctl(1), which every systemd host has.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "containers/groups.h"

namespace chrun {

struct Scope {
  std::string unit;
  bool is_user;                         // of the user's own manager
  std::vector<std::string> properties;  // as busctl has them: NAME, a signature, values
  size_t count;                         // of properties
};

/// Has systemd put the process into a new scope; returns the path of its control group. Throws Error with what busctl
/// says.
std::string start_scope(const Scope& scope, pid_t pid);

/// Changes properties of a scope, until it ends. Throws Error with what busctl says.
void change_scope(const Scope& scope);

/// Tells systemd that the scopes of these groups end, before they are removed: it looks for that at their files.
void stop_scopes(const Groups& groups);

}  // namespace chrun
