// From a SquashFS image to a tar archive of its root file system.
#pragma once
#include <string>

#include "base/fd.h"
#include "pack/sink.h"

namespace chrun::pack {

struct Exported {
  std::string digest;       // SHA-256 of the archive
  uint64_t size, left_out;  // bytes; devices and sockets
};

/// Writes the image that begins at byte `offset` of `file` to `output`. All files are root's.
Exported export_tar(Fd file, const std::string& name, uint64_t offset, Sink& output);

/// A file of the image, of at most `most` bytes; empty if there is none.
std::string read_file(Fd file, const std::string& name, uint64_t offset, const std::string& path, size_t most);

}  // namespace chrun::pack
