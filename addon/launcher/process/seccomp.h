// Filters of system calls: installed here; that of --seccomp is made by the CLI.
#pragma once
#include <linux/filter.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace chrun {

/// Installs a BPF program for this process and its descendants; false, with errno set, if the kernel refuses.
/// no_new_privs must be set.
bool try_install_filter(std::vector<sock_filter>& program);

/// The same, for an array of sock_filter in hexadecimal, with flags of seccomp(2). Throws Error or SysError.
void install_filter(std::string_view hexadecimal, unsigned long flags = 0);

/// The flag with this name: `LOG`. Throws Error.
unsigned long filter_flag(std::string_view name);

/// A connection to who answers for system calls at this socket. Throws SysError.
Fd connect_agent(const std::string& path);

/// Installs a filter whose decisions are an agent's: it gets `message` and a descriptor to answer by. Returns when it
/// has them: from then on any system call of this process may wait for it. Throws Error or SysError.
void install_filter_of_agent(std::string_view hexadecimal, unsigned long flags, const Fd& agent,
                             const std::string& message);

}  // namespace chrun
