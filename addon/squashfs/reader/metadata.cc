#include "squashfs/reader/metadata.h"

#include <algorithm>
#include <array>

#include "squashfs/reader/decompress.h"
#include "squashfs/reader/work.h"

namespace chrun::squashfs {

Metadata::Metadata(const Image& image, size_t cache_bytes) : image_(image), cache_(kMetadataSize, cache_bytes) {}

BlockRef Metadata::block(uint64_t position) const {
  if (!Work::current().spend())
    throw Damage("image " + image_.name() + " is damaged: one request would have to read too much metadata");
  return cache_.get({position, 0}, [&](Block& block) { fill(position, block); });
}

std::shared_ptr<SuppliedBlock> Metadata::supply(uint64_t position, std::shared_ptr<const void> owner,
                                                std::span<const uint8_t> raw) const {
  if (!owner) return cache_.supply({position, 0}, {});
  return cache_.supply({position, 0},
                       [this, position, owner = std::move(owner), raw](Block& block) { unpack(position, raw, block); });
}

void Metadata::fill(uint64_t position, Block& block) const {
  std::array<uint8_t, kMetadataRoom> raw;
  // header and content at once: one system call more than that is most of the cost of a stored block
  unpack(position, std::span(raw).first(image_.read_demanded(position, raw)), block);
}

void Metadata::unpack(uint64_t position, std::span<const uint8_t> raw, Block& block) const {
  const uint16_t header = raw.size() < 2 ? 0 : load<uint16_t>(raw.data());
  const uint32_t size = header & ~kMetadataStored;
  if (size == 0 || size > kMetadataSize || raw.size() < 2 + size) {
    throw Damage("image " + image_.name() + " is damaged: no metadata block at " + std::to_string(position));
  }
  const auto packed = raw.subspan(2, size);
  if (header & kMetadataStored) {
    std::copy(packed.begin(), packed.end(), block.bytes.get());
    block.size = size;
  } else {
    block.size = static_cast<uint32_t>(
        decompress(image_.super().compressor, packed, {block.bytes.get(), size_t{kMetadataSize}}));
  }
  block.next = position + 2 + size;
}

size_t Cursor::available() {
  if (!block_) block_ = metadata_->block(position_);
  while (offset_ >= block_->size) {
    // an offset past the end of a block belongs to a damaged reference, unless reading went exactly there
    if (offset_ > block_->size || block_->size == 0) {
      throw Damage("image " + metadata_->image().name() + " is damaged: a reference leads past its metadata block");
    }
    position_ = block_->next;
    offset_ = 0;
    block_ = metadata_->block(position_);
  }
  return block_->size - offset_;
}

void Cursor::read(void* to, size_t size) {
  auto* target = static_cast<uint8_t*>(to);
  while (size > 0) {
    const size_t part = std::min(size, available());
    memcpy(target, block_->bytes.get() + offset_, part);
    target += part;
    offset_ += static_cast<uint32_t>(part);
    size -= part;
  }
}

void Cursor::skip(uint64_t size) {
  while (size > 0) {
    const size_t part = static_cast<size_t>(std::min<uint64_t>(size, available()));
    offset_ += static_cast<uint32_t>(part);
    size -= part;
  }
}

}  // namespace chrun::squashfs
