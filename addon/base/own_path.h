// Where this program lies: the rest of the installation is found from there.
#pragma once
#include <string>

namespace chrun {

/// The absolute path of this program's file, links resolved. Throws SysError.
std::string own_path();

/// The path of another program of the installation, beside the addon. Throws SysError.
std::string sibling_program(const std::string& name);

}  // namespace chrun
