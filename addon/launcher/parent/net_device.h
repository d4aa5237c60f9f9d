// Network devices of the machine, for containers: netdevice(7), rtnetlink(7).
#pragma once
#include <sys/types.h>

#include <string>

namespace chrun {

/// Moves a device into the network namespace of a process, under another name; a `%d` in that is the first number that
/// is free there. It keeps its global addresses, and is up then. Throws Error.
void move_net_device(const std::string& name, const std::string& name_there, pid_t pid);

}  // namespace chrun
