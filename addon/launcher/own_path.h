// Where this program lies: the rest of the installation is found from there.
#pragma once
#include <string>

namespace chrun {

/// The absolute path of this program's file, links resolved. Throws SysError.
std::string own_path();

}  // namespace chrun
