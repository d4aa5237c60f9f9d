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

/// Fills `block.bytes`, which has room for a whole block, and sets its size. Throws where it can't.
using LoadBlock = std::function<void(Block& block)>;

/// A block whose packed bytes were read before anybody asked for it. Whoever asks takes it over; until then a thread of
/// low priority may unpack it. That thread takes no lock, so that nobody ever waits for it.
class SuppliedBlock {
 public:
  SuppliedBlock(LoadBlock unpack, std::shared_ptr<Block> block)
      : unpack_(std::move(unpack)), block_(std::move(block)) {}
  /// By that thread.
  void unpack();

 private:
  friend class BlockCache;
  enum class State { packed, unpacking, ready, damaged, taken };

  LoadBlock unpack_;
  std::shared_ptr<Block> block_;
  std::atomic<State> state_{State::packed};
};

/// Blocks made ahead of demand wait until they are asked for, or until there is no more room: they have at most
/// three quarters of the cache, so that they can't drive out all that is in use.
class BlockCache {
 public:
  using Load = LoadBlock;
  using Demanded = std::function<void(const BlockKey& key)>;

  BlockCache(uint32_t block_size, size_t limit_bytes);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// From now on called at the first demand for each block; to be set before there are threads.
  void on_demand(Demanded demanded) { demanded_ = std::move(demanded); }
  /// The block, from the cache or made by `load`. Threads that want one block at once wait for the first of them.
  BlockRef get(const BlockKey& key, const Load& load);

  /// Makes a block that nobody has asked for, unless it is there. Throws as `load` does.
  void make_ahead(const BlockKey& key, const Load& load);
  /// The same in steps, so that nobody who asks for the block meanwhile waits for a thread of low priority. First its
  /// packed bytes are read: false if it is there or being made.
  bool begin_ahead(const BlockKey& key);
  /// They are there, in `unpack`. None: they could not be read. Nothing, if there is nothing to unpack.
  std::shared_ptr<SuppliedBlock> supply(const BlockKey& key, Load unpack);
  /// Whether there is room for one more block ahead of demand: half of the cache, as packed bytes need some, too.
  bool has_room_ahead() const;

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

  using Lock = std::unique_lock<std::mutex>;
  std::shared_ptr<Slot> insert(const BlockKey& key, bool ahead);
  std::shared_ptr<Slot> find(const BlockKey& key);
  void demand(Slot& slot);
  void remove(Slot& slot);
  std::shared_ptr<Block> fresh_block();
  BlockRef take(Lock& lock, const std::shared_ptr<Slot>& slot, const Load& load);
  BlockRef make(Lock& lock, const std::shared_ptr<Slot>& slot, const Load& load, std::shared_ptr<Block> block = {});
  void evict(std::list<BlockKey>& list, const std::function<bool()>& enough);
  void evict(size_t limit_bytes);

  const uint32_t block_size_;
  const size_t limit_bytes_;
  const std::shared_ptr<Store> store_;  // memory to use again; blocks still in use return to it later
  mutable std::mutex mutex_;
  std::unordered_map<BlockKey, std::shared_ptr<Slot>, Hash> slots_;
  std::list<BlockKey> by_use_;  // most recently used first
  std::list<BlockKey> ahead_;   // what nobody has asked for yet, the latest first
  Demanded demanded_;
};

}  // namespace chrun::squashfs
