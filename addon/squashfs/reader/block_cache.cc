#include "squashfs/reader/block_cache.h"

namespace chrun::squashfs {

struct BlockCache::Slot {
  enum class State { loading, ready, failed } state = State::loading;
  BlockKey key;
  BlockRef block;
  std::exception_ptr failure;
  std::condition_variable changed;
  std::list<BlockKey>::iterator use;
};

/// Keeps a few buffers for the next block: fresh memory costs a page fault for every 4 KiB, as much as fast
/// decompression.
struct BlockCache::Store {
  static constexpr size_t kKept = 8;
  std::mutex mutex;
  std::vector<std::unique_ptr<uint8_t[]>> buffers;

  std::unique_ptr<uint8_t[]> take(uint32_t size) {
    std::lock_guard lock(mutex);
    if (buffers.empty()) return std::make_unique_for_overwrite<uint8_t[]>(size);
    auto buffer = std::move(buffers.back());
    buffers.pop_back();
    return buffer;
  }
  void put(std::unique_ptr<uint8_t[]> buffer) {
    std::lock_guard lock(mutex);
    if (buffers.size() < kKept) buffers.push_back(std::move(buffer));
  }
  void clear() {
    std::lock_guard lock(mutex);
    buffers.clear();
  }
};

BlockCache::BlockCache(uint32_t block_size, size_t limit_bytes)
    : block_size_(block_size), limit_bytes_(limit_bytes), store_(std::make_shared<Store>()) {}

BlockCache::~BlockCache() = default;

BlockRef BlockCache::get(const BlockKey& key, const Load& load) {
  std::unique_lock lock(mutex_);
  if (const auto found = slots_.find(key); found != slots_.end()) {
    const std::shared_ptr<Slot> slot = found->second;
    by_use_.splice(by_use_.begin(), by_use_, slot->use);
    return slot->state == Slot::State::ready ? slot->block : wait(lock, slot);
  }
  const auto slot = std::make_shared<Slot>();
  slot->key = key;
  slot->use = by_use_.insert(by_use_.begin(), key);
  slots_.emplace(key, slot);
  return make(lock, slot, load);
}

BlockRef BlockCache::wait(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Slot>& slot) {
  slot->changed.wait(lock, [&] { return slot->state != Slot::State::loading; });
  if (slot->state == Slot::State::failed) std::rethrow_exception(slot->failure);
  return slot->block;
}

BlockRef BlockCache::make(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Slot>& slot, const Load& load) {
  lock.unlock();
  std::shared_ptr<Block> block;
  try {
    block = {new Block{.bytes = store_->take(block_size_)}, [store = store_](Block* old) {
               store->put(std::move(old->bytes));
               delete old;
             }};
    load(*block);
  } catch (...) {
    slot->failure = std::current_exception();
  }
  lock.lock();
  slot->state = slot->failure ? Slot::State::failed : Slot::State::ready;
  slot->block = std::move(block);
  if (slot->failure) {
    // forgotten at once: the next reader tries again, as a parallel file system may have recovered
    by_use_.erase(slot->use);
    slots_.erase(slot->key);
  } else {
    evict(limit_bytes_);
  }
  slot->changed.notify_all();
  if (slot->failure) std::rethrow_exception(slot->failure);
  return slot->block;
}

bool BlockCache::has(const BlockKey& key) const {
  std::lock_guard lock(mutex_);
  return slots_.contains(key);
}

void BlockCache::evict(size_t limit_bytes) {
  // every slot counts as a whole block, as its buffer does
  for (auto use = by_use_.end(); slots_.size() * size_t{block_size_} > limit_bytes && use != by_use_.begin();) {
    --use;
    const auto found = slots_.find(*use);
    if (found->second->state == Slot::State::loading) continue;
    slots_.erase(found);
    use = by_use_.erase(use);
  }
}

void BlockCache::trim(size_t bytes) {
  std::lock_guard lock(mutex_);
  evict(bytes);
  store_->clear();
}

}  // namespace chrun::squashfs
