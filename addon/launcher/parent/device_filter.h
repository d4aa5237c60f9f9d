// Which devices a control group of version 2 may use: a BPF program decides.
#pragma once
#include <string>
#include <string_view>

namespace chrun {

/// Loads a program (8 bytes an instruction, in hexadecimal) and attaches it to the group. Throws SysError.
void filter_devices(const std::string& directory, std::string_view program);

}  // namespace chrun
