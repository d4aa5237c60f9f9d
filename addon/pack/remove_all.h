#pragma once
#include <string>

namespace chrun::pack {

/// Removes a file, or a directory with all that is in it; links are not followed. Throws SysError.
void remove_all(const std::string& path);

}  // namespace chrun::pack
