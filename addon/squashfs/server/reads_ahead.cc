#include "squashfs/server/reads_ahead.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>

#include "squashfs/server/sandbox.h"

namespace chrun::squashfs {
namespace {

constexpr size_t kMostInFlight = 16;   // requests at once
constexpr size_t kMostUnpacking = 16;  // threads
constexpr size_t kBlocksAThread = 4;   // fewer are not worth a thread
constexpr size_t kThreadStack = 256 << 10;
constexpr size_t kWindow = 128;            // blocks of a record among which neighbours are looked for
constexpr size_t kLongestBatch = 16;       // blocks
constexpr uint64_t kWidestGap = 64 << 10;  // to read what nobody needs costs less than one more request
constexpr uint64_t kLongestData = 1 << 20, kLongestMetadata = 128 << 10;

/// Bytes of the image.
struct Extent {
  uint64_t start, end;

  static Extent of(const NeededBlock& block) {
    const uint64_t size = block.metadata ? kMetadataRoom : block.key.word & ~kDataStored;
    return {block.key.position, block.key.position + size};
  }
  Extent with(const Extent& other) const { return {std::min(start, other.start), std::max(end, other.end)}; }
  bool is_near(const Extent& other) const { return other.start <= end + kWidestGap && start <= other.end + kWidestGap; }
  uint64_t size() const { return end - start; }
};

}  // namespace

void ReadsAhead::start_threads(size_t blocks) {
  const auto start = [this](size_t count, void* (*work)(void*)) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kThreadStack);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    // fewer, or none, serve as well
    for (; count > 0; --count) {
      running_.fetch_add(1);
      if (pthread_create(&thread, &attributes, work, this) == 0) continue;
      end_thread();
      break;
    }
    pthread_attr_destroy(&attributes);
  };
  if (blocks == 0 || pressure_.is_high()) return;
  const size_t most = blocks / kBlocksAThread + 1;
  start(std::min(most, kMostInFlight), [](void* self) -> void* {
    static_cast<ReadsAhead*>(self)->fetch();
    static_cast<ReadsAhead*>(self)->end_thread();
    return nullptr;
  });
  start(std::min({most, size_t{idle_cores()}, kMostUnpacking}), [](void* self) -> void* {
    static_cast<ReadsAhead*>(self)->unpack();
    static_cast<ReadsAhead*>(self)->end_thread();
    return nullptr;
  });
}

void ReadsAhead::begin(std::vector<NeededBlock> blocks) {
  // what can't be a block is left out before arithmetic is done with it
  const uint64_t end = files_.image.super().bytes_used;
  std::erase_if(blocks, [&](const NeededBlock& block) {
    return block.metadata ? block.key.position >= end : !files_.data.is_possible(block.key);
  });
  {
    const std::lock_guard lock(batch_mutex_);
    taken_.resize(blocks.size());
    entries_ = std::make_unique<Entry[]>(blocks.size());
    blocks_ = std::move(blocks);
  }
  begun_.store(true);
  begun_.notify_all();
}

void ReadsAhead::stop() {
  if (stopped_.exchange(true)) return;
  pass();
  begun_.store(true);
  begun_.notify_all();
  const std::lock_guard lock(entries_mutex_);
  const size_t in_work = taken_entries_.exchange(SIZE_MAX / 2);
  end_.store(SIZE_MAX);
  end_.notify_all();
  // those in progress are passed soon, or, where no core is ever idle, kept
  release(std::min(in_work, count_));
  for (size_t each = in_work; each < count_; ++each) entries_[each].block.reset();
}

void ReadsAhead::end_thread() {
  if (running_.fetch_sub(1) == 1) running_.notify_all();
}

void ReadsAhead::wait_for_end() const {
  for (unsigned running = running_; running > 0; running = running_) running_.wait(running);
}

void ReadsAhead::append(std::shared_ptr<SuppliedBlock> block) {
  const std::lock_guard lock(entries_mutex_);
  if (stopped_) return;
  release(count_);
  entries_[count_].block = std::move(block);
  end_.store(++count_);
  end_.notify_one();
}

void ReadsAhead::release(size_t end) {
  for (; released_ < end && entries_[released_].passed; ++released_) entries_[released_].block.reset();
}

bool ReadsAhead::has_room(const NeededBlock& block) const {
  return block.metadata ? files_.metadata.has_room_ahead() : files_.data.has_room_ahead();
}

bool ReadsAhead::wait_for_room(const NeededBlock& block) {
  for (;;) {
    const uint32_t before = demands_;
    if (stopped_) return false;
    if (has_room(block)) return true;
    demands_.wait(before);
  }
}

/// The next blocks that are not there: one, and others near it in the image that are needed soon. Threads queue for it
/// while there is no room.
ReadsAhead::Batch ReadsAhead::next_batch() {
  const std::lock_guard lock(batch_mutex_);
  for (; next_ < blocks_.size(); ++next_) {
    if (taken_[next_]) continue;
    if (!wait_for_room(blocks_[next_]) || (next_ % kWindow == 0 && pressure_.is_high())) break;
    if (begin(blocks_[next_])) return neighbours_of(next_);
  }
  return {};
}

bool ReadsAhead::begin(const NeededBlock& block) const {
  return block.metadata ? files_.metadata.begin_ahead(block.key.position) : files_.data.begin_ahead(block.key);
}

ReadsAhead::Batch ReadsAhead::neighbours_of(size_t first) {
  const bool metadata = blocks_[first].metadata;
  Batch batch{blocks_[first]};
  taken_[first] = true;
  Extent extent = Extent::of(batch.front());
  const size_t end = std::min(blocks_.size(), first + kWindow);
  for (size_t each = first + 1; each < end && batch.size() < kLongestBatch; ++each) {
    const NeededBlock& block = blocks_[each];
    if (taken_[each] || block.metadata != metadata) continue;
    const Extent other = Extent::of(block), both = extent.with(other);
    if (!extent.is_near(other) || both.size() > (metadata ? kLongestMetadata : kLongestData)) continue;
    if (!has_room(block)) break;
    taken_[each] = true;
    if (!begin(block)) continue;
    extent = both;
    batch.push_back(block);
  }
  return batch;
}

void ReadsAhead::read(const Batch& batch) {
  Extent extent = Extent::of(batch.front());
  for (const NeededBlock& block : batch) extent = extent.with(Extent::of(block));
  std::shared_ptr<std::vector<uint8_t>> bytes;
  try {
    bytes = std::make_shared<std::vector<uint8_t>>(extent.size());
    bytes->resize(files_.image.read_some(extent.start, *bytes));
  } catch (const std::exception&) {
    bytes.reset();  // whoever asks for them reads them, and gets the error
  }
  for (const NeededBlock& block : batch) {
    const Extent place = Extent::of(block);
    const std::span<const uint8_t> all = bytes ? std::span<const uint8_t>(*bytes) : std::span<const uint8_t>();
    const auto packed = all.subspan(std::min(place.start - extent.start, all.size()));
    if (block.metadata) {
      // small: not worth waiting for an idle core
      if (const auto supplied = files_.metadata.supply(block.key.position, bytes, packed)) supplied->unpack();
    } else if (const bool whole = packed.size() >= place.size(); true) {
      auto supplied =
          files_.data.supply(block.key, whole ? bytes : nullptr, whole ? packed.first(place.size()) : packed);
      if (supplied) append(std::move(supplied));
    }
  }
}

void ReadsAhead::fetch() try {
  enter_sandbox(Role::worker);
  begun_.wait(false);
  for (Batch batch = next_batch(); !batch.empty(); batch = next_batch()) read(batch);
} catch (const std::exception&) {
  // no memory, no bytes: what nobody has asked for can do without
}

void ReadsAhead::unpack() try {
  // given back by nobody: these threads do nothing else. A process that asks for a block never waits for them
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) return;
  enter_sandbox(Role::worker);
  begun_.wait(false);
  for (;;) {
    const size_t each = taken_entries_.fetch_add(1);
    for (size_t end = end_; end <= each; end = end_) end_.wait(end);
    if (stopped_) return;
    entries_[each].block->unpack();
    entries_[each].passed = true;
  }
} catch (const std::exception&) {
}

}  // namespace chrun::squashfs
