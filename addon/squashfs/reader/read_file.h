// One file of an image, by its path.
#pragma once
#include <optional>
#include <string>

#include "squashfs/reader/file_system.h"

namespace chrun::squashfs {

/// The content of a regular file; symbolic links are followed inside the image. Empty if there is none. Throws Damage,
/// and Error where it has more than `most` bytes.
std::optional<std::string> read_file(const FileSystem& files, const std::string& path, size_t most);

}  // namespace chrun::squashfs
