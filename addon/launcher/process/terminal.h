// The caller's terminal: a program in the container must not insert input into it (ioctl_tty(2): TIOCSTI, TIOCLINUX):
// the caller's shell, outside, would execute that input once the program has exited.
#pragma once

namespace chrun {

/// Whether it could: this process has a controlling terminal, and the kernel does not refuse such calls itself. To be
/// called while the host's /dev and /proc are visible.
bool is_terminal_open_to_typing();

/// Denies only those calls to this process and its descendants. no_new_privs must be set. Warns if the kernel has no
/// filters.
void forbid_typing();

}  // namespace chrun
