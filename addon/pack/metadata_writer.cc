#include "pack/metadata_writer.h"

#include <algorithm>

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
  const auto packed = compressor_.compress(block_);
  const std::span<const uint8_t> bytes = packed.empty() ? std::span<const uint8_t>(block_) : packed;
  const auto header = static_cast<uint16_t>(packed.empty() ? bytes.size() | kMetadataStored : bytes.size());
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
