#include "pack/metadata_writer.h"

#include <algorithm>
#include <array>

namespace chrun::pack {

using squashfs::kMetadataSize;
using squashfs::kMetadataStored;

void MetadataWriter::add(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), kMetadataSize - block_.size());
    block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(part));
    bytes = bytes.subspan(part);
    if (block_.size() == kMetadataSize) flush();
  }
}

void MetadataWriter::flush() {
  if (block_.empty()) return;
  blocks_.push_back(stored_.size());
  std::array<uint8_t, kMetadataSize> room;
  const size_t packed = compressor_.compress(block_, room);
  const auto bytes = packed > 0 ? std::span<const uint8_t>(room).first(packed) : std::span<const uint8_t>(block_);
  const auto header = static_cast<uint16_t>(packed > 0 ? packed : bytes.size() | kMetadataStored);
  stored_.push_back(static_cast<uint8_t>(header));
  stored_.push_back(static_cast<uint8_t>(header >> 8));
  stored_.insert(stored_.end(), bytes.begin(), bytes.end());
  block_.clear();
}

const std::vector<uint8_t>& MetadataWriter::finish() {
  flush();
  return stored_;
}

}  // namespace chrun::pack
