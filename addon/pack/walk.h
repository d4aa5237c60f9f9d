// A directory of the host as the only layer of an image.
#pragma once
#include <functional>
#include <string>

#include "pack/tar_reader.h"

namespace chrun::pack {

/// What a tar archive would have of it: an entry, and its content as an open file, -1 if it has none.
using TakeEntry = std::function<void(const TarEntry& entry, int content)>;

/// Gives every file below `directory`, sorted by name. Links are not followed; files of several names are hard links;
/// mounts are not left out. Throws SysError, with the path, for what can't be read.
void walk_directory(const std::string& directory, const TakeEntry& take);

}  // namespace chrun::pack
