// The caller's terminal: a program in the container must not type into it (ioctl_tty(2): TIOCSTI, TIOCLINUX), or what
// it types is a command of the caller's shell, outside, once it has ended.
#pragma once

namespace chrun {

/// Whether it could: this process has a controlling terminal, and the kernel does not refuse such calls itself.
/// To be asked while the host's /dev and /proc are in sight.
bool is_terminal_open_to_typing();

/// Refuses those calls to this process and all that come from it, and no other. New privileges must have been given up.
/// Warns where the kernel has no filters.
void forbid_typing();

}  // namespace chrun
