// The upper directory of an overlay as a layer of an image: what was deleted is there as whiteouts of the image
// specification.
#pragma once
#include <cstdint>
#include <string>

#include "pack/sink.h"

namespace chrun::pack {

struct OverlayLayer {
  std::string digest;                // SHA-256 of the archive
  uint64_t size, entries, left_out;  // bytes; files; devices and sockets
};

/// Writes a tar archive to `output`. All files are root's. Throws Error for what no layer can say.
OverlayLayer write_overlay_layer(const std::string& upper, Sink& output);

}  // namespace chrun::pack
