// Descriptors that travel with bytes between processes: unix(7), SCM_RIGHTS.
#pragma once
#include <sys/types.h>

#include <string_view>

namespace chrun {

/// Sends `text` through a connected socket, with the descriptor `file` unless that is negative: sendmsg(2) with these
/// `flags` and without SIGPIPE, again where a signal interrupts it. What it returns, with errno.
ssize_t send_file(int socket, std::string_view text, int file, int flags = 0);

}  // namespace chrun
