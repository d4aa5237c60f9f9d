// A directory of the host as the only layer of an image.
#pragma once
#include <functional>
#include <string>

#include "pack/tar_reader.h"

namespace chrun::pack {

/// What a tar archive would have of it: an entry, and its content as an open file, -1 if it has none.
using TakeEntry = std::function<void(const TarEntry& entry, int content)>;

/// Which extended attributes are given: the user's, or also those in which overlayfs keeps what it needs; then a
/// character device 0/0, its older whiteout, has the attribute of its newer one.
enum class Attributes { users, with_overlay_marks };

/// Gives every file below `directory`, sorted by name. Links are not followed; files of several names are hard links;
/// mounts are not left out. Throws SysError, with the path, for what can't be read.
void walk_directory(const std::string& directory, const TakeEntry& take, Attributes attributes = Attributes::users);

}  // namespace chrun::pack
