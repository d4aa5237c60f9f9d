// Names of errno values.
#pragma once
#include <string>

namespace chrun {

/// "ENOENT" for 2, and so on; the number where it is none of the usual ones.
std::string errno_name(int code);

}  // namespace chrun
