// Sockets in the file system, unix(7), whatever the length of their paths.
#pragma once
#include <sys/un.h>

#include <string>

#include "base/fd.h"

namespace chrun {

/// The address of the socket `name` in an open directory: its path may be longer than an address can be.
sockaddr_un address_in(const Fd& directory, const char* name);

/// A connection of this type (SOCK_STREAM or another) to who listens at `path`; `action` is for the error. Throws
/// SysError.
Fd connect_to(const std::string& path, int type, const std::string& action);

}  // namespace chrun
