// Metadata: inodes, directories and tables are streams of bytes cut into compressed blocks of 8 KiB.
#pragma once
#include "squashfs/reader/block_cache.h"
#include "squashfs/reader/image.h"

namespace chrun::squashfs {

class Metadata {
 public:
  Metadata(const Image& image, size_t cache_bytes);

  const Image& image() const { return image_; }
  /// The decompressed metadata block that begins at byte `position` of the image.
  BlockRef block(uint64_t position) const;
  /// The steps of BlockCache for blocks ahead of demand. `raw`: bytes of the image that begin with the block, kept
  /// alive by `owner`. Without an owner, there are none.
  bool begin_ahead(uint64_t position) const { return cache_.begin_ahead({position, 0}); }
  std::shared_ptr<SuppliedBlock> supply(uint64_t position, std::shared_ptr<const void> owner,
                                        std::span<const uint8_t> raw) const;
  bool has_room_ahead() const { return cache_.has_room_ahead(); }
  void on_demand(BlockCache::Demanded demanded) const { cache_.on_demand(std::move(demanded)); }
  void trim(size_t bytes) const { cache_.trim(bytes); }

 private:
  void fill(uint64_t position, Block& block) const;
  void unpack(uint64_t position, std::span<const uint8_t> raw, Block& block) const;

  const Image& image_;
  mutable BlockCache cache_;
};

/// A place in a stream of metadata that moves on as it is read. Throws Damage where the stream ends.
class Cursor {
 public:
  /// `block` is absolute: a byte of the image.
  Cursor(const Metadata& metadata, uint64_t block, uint32_t offset)
      : metadata_(&metadata), position_(block), offset_(offset) {}

  void read(void* to, size_t size);
  void skip(uint64_t size);
  template <typename Number>
  Number number() {
    Number value;
    read(&value, sizeof value);
    return value;
  }

  uint64_t block() const { return position_; }
  uint32_t offset() const { return offset_; }

 private:
  /// Makes at least one byte available at the cursor and says how many follow in this block.
  size_t available();

  const Metadata* metadata_;
  uint64_t position_;
  uint32_t offset_;
  BlockRef block_;
};

}  // namespace chrun::squashfs
