// Whose rights a process has: user, groups, capabilities.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chrun {

/// Sets of capabilities: a bit for each, as in capabilities(7).
using Capabilities = uint64_t;

struct CapabilitySets {
  Capabilities effective = 0, permitted = 0, inheritable = 0, ambient = 0;
};

/// Gives up all other capabilities for good: no program can regain them. Throws SysError.
void limit_capabilities(Capabilities bounding);

/// Becomes that user, with these supplementary groups; keeps the caller's where `groups` is nothing. Capabilities stay
/// permitted until set_capabilities(). A group that is not mapped here is left out, with a warning. Throws SysError.
void become_user(uid_t uid, gid_t gid, const std::optional<std::vector<gid_t>>& groups);

/// Ambient ones that are not permitted and inheritable are left out: the kernel has none. Throws SysError.
void set_capabilities(const CapabilitySets& sets);

/// Gives the standard streams that are pipes to that user, who can open them by /dev/stdout then; a refusal is ignored,
/// and files and devices keep their owners.
void give_streams(uid_t uid);

/// Root of a user namespace, or the first of its ids where it has none. `process`: a directory of the host's /proc.
struct RootIds {
  uid_t uid;
  gid_t gid;
};
RootIds root_ids(const std::string& process);

/// Becomes that, without supplementary groups: what is made from here on is root's. Throws SysError.
void become_root(const RootIds& ids);

}  // namespace chrun
