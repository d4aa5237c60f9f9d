// The control groups of a container, cgroups(7): a directory in each hierarchy of version 1, and in that of version 2.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "containers/json.h"

namespace chrun {

struct Group {
  std::string controllers;        // of version 1, as `cpu,cpuacct` or `name=systemd`; empty: version 2
  std::string mount, path;        // where the hierarchy is mounted, and the group below that
  std::vector<std::string> made;  // the directories that were missing, from top to bottom
  std::string scope{};            // of systemd, that it belongs to: `system UNIT` or `user UNIT`

  bool is_unified() const { return controllers.empty(); }
  bool has(std::string_view controller) const {
    return ("," + controllers + ",").find("," + std::string(controller) + ",") != std::string::npos;
  }
  std::string directory() const { return mount + path; }
  std::string file(const std::string& name) const { return directory() + "/" + name; }
};
using Groups = std::vector<Group>;

/// Finds out which directories are missing. Nothing is made yet: what is going to be made is saved first. Throws Error
/// where the group is frozen, or has processes: those of others.
void look_at_group(Group& group);

/// Makes the directories; in version 2 with these controllers, as far as they can be had. Throws SysError.
void make_group(const Group& group, const std::vector<std::string>& controllers);

/// Writes a setting. Throws SysError.
void write_setting(const std::string& file, const std::string& value);

/// Puts a process into it. Throws SysError.
void join_group(const Group& group, pid_t pid);

/// A group that its container has divided (version 2) takes no processes: then that in which `first` is now.
void join_group_of(const Group& group, pid_t first, pid_t pid);

/// Where a process is born, or moves itself, without the kernel's lock on all processes, for which others wait up to
/// 10 ms: nobody else's threads can be in the way.
struct Birthplace {
  Fd unified{};                                // the directory, of version 2
  std::vector<std::pair<Group, Fd>> others{};  // of version 1, with their lists of threads

  /// False if processes can only be put there from outside.
  bool add(const Group& group);
};

/// Moves this process, which has one thread, into groups of version 1. Throws SysError.
void move_into(const Birthplace& place);

/// All processes in the group and below.
std::vector<pid_t> processes_in(const Groups& groups);

/// Stops all of them, or lets them run on, and waits until that is so. Throws Error where no group can do that.
void freeze(const Groups& groups, bool frozen);

/// Whether one of the groups can be frozen.
bool can_freeze(const Groups& groups);

/// Sends a signal to all of them: none escapes by a fork.
void signal_groups(const Groups& groups, int number);

/// How often the kernel has killed a process in them because memory ran out.
unsigned long long memory_kills(const Groups& groups);

/// Ends all of them, and removes the groups with all below, and what was made above as far as nobody else uses it.
/// Throws Error.
void remove_groups(const Groups& groups);

std::string to_json(const Groups& groups);
Groups parse_groups(const Json& saved);

}  // namespace chrun
