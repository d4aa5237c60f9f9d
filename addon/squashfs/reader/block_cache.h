// Decompressed blocks shared by all threads: bounded, least recently used go first, each made by one thread only.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "squashfs/reader/format.h"

namespace chrun::squashfs {

/// Where a block lies in the image and the size word that describes it. Two places that describe one block
/// differently (only a hostile image does) get two blocks, so each is checked against its own description.
struct BlockKey {
  uint64_t position;
  uint32_t word;
  bool operator==(const BlockKey&) const = default;
};

struct Block {
  std::unique_ptr<uint8_t[]> bytes;
  uint32_t size = 0;  // bytes that hold data
  uint64_t next = 0;  // metadata: where the following block lies
};
using BlockRef = std::shared_ptr<const Block>;

class BlockCache {
 public:
  /// Fills `block.bytes`, which has room for a whole block, and sets its size. Throws where it can't.
  using Load = std::function<void(Block& block)>;

  BlockCache(uint32_t block_size, size_t limit_bytes);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// The block, from the cache or made by `load`. Threads that want one block at once wait for the first of them.
  BlockRef get(const BlockKey& key, const Load& load);
  /// Whether the block is there or being made.
  bool has(const BlockKey& key) const;
  /// Gives memory back until at most `bytes` are held.
  void trim(size_t bytes);

 private:
  struct Slot;
  struct Store;
  struct Hash {
    size_t operator()(const BlockKey& key) const { return (key.position ^ key.word) * 0x9e3779b97f4a7c15u >> 7; }
  };

  BlockRef wait(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Slot>& slot);
  BlockRef make(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Slot>& slot, const Load& load);
  void evict(size_t limit_bytes);

  const uint32_t block_size_;
  const size_t limit_bytes_;
  const std::shared_ptr<Store> store_;  // memory to use again; blocks still in use return to it later
  mutable std::mutex mutex_;
  std::unordered_map<BlockKey, std::shared_ptr<Slot>, Hash> slots_;
  std::list<BlockKey> by_use_;  // most recently used first
};

}  // namespace chrun::squashfs
