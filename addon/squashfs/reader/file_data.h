// The contents of files: which block holds what, and the blocks themselves.
#pragma once
#include <array>
#include <map>

#include "squashfs/reader/inode.h"

namespace chrun::squashfs {

/// A part of a file: bytes of a block that stay valid as long as the slice is held. No block: a hole, all zeros.
struct Slice {
  BlockRef block;
  uint32_t offset;
  uint32_t size;
};

/// One data block of a file as its inode describes it.
struct BlockPlace {
  BlockKey key;
  bool hole() const { return key.word == 0; }
};

class FileData {
 public:
  FileData(const Metadata& metadata, size_t cache_bytes);

  /// The bytes [offset, offset + size) cut to the end of the file. Throws Damage where they can't be read.
  std::vector<Slice> read(const Inode& file, uint64_t offset, size_t size) const;

  /// Makes blocks that a sequential reader, which has just read [offset, offset + size), will want next.
  /// `depth` is how far ahead of that reader, in blocks; at most `most` are made by this call.
  void read_ahead(const Inode& file, uint64_t offset, size_t size, uint32_t depth, uint32_t most) const;

  /// The steps of BlockCache for blocks ahead of demand. Whether `key` could be a block's at all; if so, it may be
  /// begun.
  bool is_possible(const BlockKey& key) const;
  bool begin_ahead(const BlockKey& key) const { return cache_.begin_ahead(key); }
  /// `bytes`: those of the block as they lie in the image, kept alive by `owner`. Without an owner, there are none.
  std::shared_ptr<SuppliedBlock> supply(const BlockKey& key, std::shared_ptr<const void> owner,
                                        std::span<const uint8_t> bytes) const;
  bool has_room_ahead() const { return cache_.has_room_ahead(); }
  void on_demand(BlockCache::Demanded demanded) const { cache_.on_demand(std::move(demanded)); }
  void trim(size_t bytes) const { cache_.trim(bytes); }

 private:
  struct Map;
  std::vector<BlockPlace> places(const Inode& file, uint64_t first, uint64_t count) const;
  std::shared_ptr<Map> map_of(const Inode& file, uint64_t blocks) const;
  BlockKey fragment_key(uint32_t number) const;
  BlockRef block(const BlockKey& key) const;
  void fill(const BlockKey& key, Block& block) const;
  void unpack(const BlockKey& key, std::span<const uint8_t> packed, Block& block) const;
  Slice fragment_slice(const Inode& file, uint64_t offset, size_t size) const;
  [[noreturn]] void damaged(const Inode& file, const char* what) const;

  const Metadata& metadata_;
  const Superblock& super_;
  mutable BlockCache cache_;
  mutable std::mutex maps_mutex_;
  mutable std::map<uint64_t, std::shared_ptr<Map>> maps_;  // of files with many blocks, by inode reference
};

}  // namespace chrun::squashfs
