// Filters of system calls: installed here, made by the CLI.
#pragma once
#include <string_view>

namespace chrun {

/// Installs a BPF program, an array of sock_filter in hexadecimal, for this process and all that come from it.
/// New privileges must have been given up. Throws Error or SysError.
void install_filter(std::string_view hexadecimal);

}  // namespace chrun
