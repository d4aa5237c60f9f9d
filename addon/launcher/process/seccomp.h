// Filters of system calls: installed here; that of --seccomp is made by the CLI.
#pragma once
#include <linux/filter.h>

#include <string_view>
#include <vector>

namespace chrun {

/// Installs a BPF program for this process and its descendants; false, with errno set, if the kernel refuses.
/// no_new_privs must be set.
bool try_install_filter(std::vector<sock_filter>& program);

/// The same, for an array of sock_filter in hexadecimal. Throws Error or SysError.
void install_filter(std::string_view hexadecimal);

}  // namespace chrun
