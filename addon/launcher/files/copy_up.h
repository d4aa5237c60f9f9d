// The content of a directory, copied into an empty file system that is to cover it.
#pragma once
#include <string>

namespace chrun {

/// Copies what is below the directory `from` to the directory `to`: directories, files and links, with mode and owner.
/// Neither is left, whatever links lie there. Throws SysError that names `path`.
void copy_up(int from, int to, const std::string& path);

}  // namespace chrun
