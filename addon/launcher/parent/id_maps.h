// The maps of a user namespace of several ids: written from outside.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace chrun {

/// How a map gets into the kernel.
enum class MapWriter {
  direct,  // with the rights over the outer user namespace, or for one's own id alone
  helper,  // by newuidmap(1), newgidmap(1): ids that /etc/subuid and /etc/subgid grant
};

/// Writes the map of users ('u') or groups ('g') of the user namespace of process `pid`: lines of `INSIDE OUTSIDE
/// COUNT`. Throws Error, SysError.
void write_id_map(char kind, pid_t pid, MapWriter writer, const std::vector<std::string>& lines);

/// Gives up setgroups(2) there, without which the kernel accepts no map of one's own group. Throws SysError.
void deny_setgroups(pid_t pid);

}  // namespace chrun
