// From a SquashFS image to a directory.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun::pack {

struct Unpacked {
  uint64_t entries, left_out;  // devices and sockets
};

/// Unpacks the image that begins at byte `offset` of `file` into the new directory `directory`, which is removed again
/// if that fails. No name in the image leads out of it: each is made in the open directory above it, links are never
/// followed, and modes and times are set last. All files belong to the caller; set-user-ID bits are dropped.
Unpacked unpack(Fd file, const std::string& name, uint64_t offset, const std::string& directory);

}  // namespace chrun::pack
