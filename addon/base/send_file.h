// Descriptors that travel with bytes between processes: unix(7), SCM_RIGHTS.
#pragma once
#include <sys/types.h>

#include <string_view>

#include "base/fd.h"

namespace chrun {

/// Sends `text` through a connected socket, with the descriptor `file` unless that is negative: sendmsg(2) with these
/// `flags` and without SIGPIPE, again where a signal interrupts it. What it returns, with errno.
ssize_t send_file(int socket, std::string_view text, int file, int flags = 0);

/// What came: how much, as recvmsg(2) returns it, with errno; a descriptor, above the standard streams; and the process
/// that sent it, where the socket has SO_PASSCRED.
struct ReceivedFile {
  ssize_t size = 0;
  Fd file{};
  pid_t sender = 0;
};

/// Receives up to `size` bytes, and what comes with them. Throws SysError if a descriptor can't be moved.
ReceivedFile receive_file(int socket, char* bytes, size_t size);

}  // namespace chrun
