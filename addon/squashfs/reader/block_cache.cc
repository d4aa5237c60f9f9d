#include "squashfs/reader/block_cache.h"

#include <utility>

namespace chrun::squashfs {

void SuppliedBlock::unpack() {
  State expected = State::packed;
  if (!state_.compare_exchange_strong(expected, State::unpacking)) return;
  State outcome = State::ready;
  try {
    unpack_(*block_);
  } catch (const std::exception&) {
    outcome = State::damaged;  // reported to whoever asks for it
  }
  state_.store(outcome);
}

struct BlockCache::Slot {
  // reading: packed bytes are on the way; supplied: they are there
  enum class State { reading, supplied, loading, ready, failed } state = State::loading;
  BlockKey key;
  BlockRef block;
  std::shared_ptr<SuppliedBlock> supplied;  // none: the bytes could not be read
  std::exception_ptr failure;
  std::condition_variable changed;
  bool ahead = false;                 // in that list
  std::list<BlockKey>::iterator use;  // in its list
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

std::shared_ptr<BlockCache::Slot> BlockCache::insert(const BlockKey& key, bool ahead) {
  auto slot = std::make_shared<Slot>();
  auto& list = ahead ? ahead_ : by_use_;
  slot->key = key;
  slot->ahead = ahead;
  slot->use = list.insert(list.begin(), key);
  slots_.emplace(key, slot);
  return slot;
}

std::shared_ptr<BlockCache::Slot> BlockCache::find(const BlockKey& key) {
  const auto found = slots_.find(key);
  return found == slots_.end() ? nullptr : found->second;
}

void BlockCache::demand(Slot& slot) {
  by_use_.splice(by_use_.begin(), slot.ahead ? ahead_ : by_use_, slot.use);
  if (!std::exchange(slot.ahead, false)) return;
  if (demanded_) demanded_(slot.key);
}

void BlockCache::remove(Slot& slot) {
  (slot.ahead ? ahead_ : by_use_).erase(slot.use);
  slots_.erase(slot.key);
}

BlockRef BlockCache::get(const BlockKey& key, const Load& load) {
  Lock lock(mutex_);
  if (const auto slot = find(key)) {
    demand(*slot);
    return slot->state == Slot::State::ready ? slot->block : take(lock, slot, load);
  }
  const auto slot = insert(key, false);
  if (demanded_) demanded_(key);
  return make(lock, slot, load);
}

/// A block that somebody else makes, or has read for us to make.
BlockRef BlockCache::take(Lock& lock, const std::shared_ptr<Slot>& slot, const Load& load) {
  using State = Slot::State;
  slot->changed.wait(lock, [&] { return slot->state != State::loading && slot->state != State::reading; });
  if (slot->state == State::failed) std::rethrow_exception(slot->failure);
  if (slot->state == State::ready) return slot->block;
  slot->state = State::loading;
  const auto supplied = std::exchange(slot->supplied, {});
  if (!supplied) return make(lock, slot, load);
  auto state = SuppliedBlock::State::packed;
  if (supplied->state_.compare_exchange_strong(state, SuppliedBlock::State::taken))
    return make(lock, slot, std::exchange(supplied->unpack_, {}), std::exchange(supplied->block_, {}));
  if (state == SuppliedBlock::State::ready) return make(lock, slot, {}, std::exchange(supplied->block_, {}));
  // it is being unpacked, who knows how slowly; or it is damaged
  return make(lock, slot, supplied->unpack_);
}

std::shared_ptr<Block> BlockCache::fresh_block() {
  return {new Block{.bytes = store_->take(block_size_)}, [store = store_](Block* old) {
            store->put(std::move(old->bytes));
            delete old;
          }};
}

BlockRef BlockCache::make(Lock& lock, const std::shared_ptr<Slot>& slot, const Load& load,
                          std::shared_ptr<Block> block) {
  lock.unlock();
  try {
    if (!block) block = fresh_block();
    if (load) load(*block);
  } catch (...) {
    slot->failure = std::current_exception();
  }
  lock.lock();
  slot->state = slot->failure ? Slot::State::failed : Slot::State::ready;
  slot->block = std::move(block);
  if (slot->failure)
    remove(*slot);  // forgotten at once: the next reader tries again, as a parallel file system may have recovered
  else
    evict(limit_bytes_);
  slot->changed.notify_all();
  if (slot->failure) std::rethrow_exception(slot->failure);
  return slot->block;
}

void BlockCache::make_ahead(const BlockKey& key, const Load& load) {
  Lock lock(mutex_);
  if (!slots_.contains(key)) make(lock, insert(key, true), load);
}

bool BlockCache::begin_ahead(const BlockKey& key) {
  const Lock lock(mutex_);
  if (slots_.contains(key)) return false;
  insert(key, true)->state = Slot::State::reading;
  return true;
}

std::shared_ptr<SuppliedBlock> BlockCache::supply(const BlockKey& key, Load unpack) {
  auto supplied = unpack ? std::make_shared<SuppliedBlock>(std::move(unpack), fresh_block()) : nullptr;
  const Lock lock(mutex_);
  const auto slot = find(key);
  if (!slot || slot->state != Slot::State::reading) return {};
  if (!supplied && slot->ahead) {
    remove(*slot);
    return {};
  }
  // without bytes, whoever waits for the block reads it, and gets the reason if that fails
  slot->state = Slot::State::supplied;
  slot->supplied = supplied;
  slot->changed.notify_all();
  return supplied;
}

bool BlockCache::has_room_ahead() const {
  const Lock lock(mutex_);
  return (ahead_.size() + 1) * block_size_ <= limit_bytes_ / 2;
}

bool BlockCache::has(const BlockKey& key) const {
  std::lock_guard lock(mutex_);
  return slots_.contains(key);
}

void BlockCache::evict(std::list<BlockKey>& list, const std::function<bool()>& enough) {
  for (auto use = list.end(); use != list.begin() && !enough();) {
    --use;
    const auto found = slots_.find(*use);
    const Slot& slot = *found->second;
    // somebody makes it, or waits for it
    const bool wanted = slot.state == Slot::State::loading || slot.state == Slot::State::reading ||
                        (slot.state == Slot::State::supplied && !slot.ahead);
    if (wanted) continue;
    slots_.erase(found);
    use = list.erase(use);
  }
}

void BlockCache::evict(size_t limit_bytes) {
  // every slot counts as a whole block, as its buffer does; what was asked for already goes first
  const auto enough = [&] { return slots_.size() * size_t{block_size_} <= limit_bytes; };
  evict(ahead_, [&] { return ahead_.size() * size_t{block_size_} <= limit_bytes_ / 4 * 3; });
  evict(by_use_, enough);
  evict(ahead_, enough);
}

void BlockCache::trim(size_t bytes) {
  std::lock_guard lock(mutex_);
  evict(bytes);
  store_->clear();
}

}  // namespace chrun::squashfs
