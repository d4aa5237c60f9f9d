#include "squashfs/server/neighbours.h"

#include <pthread.h>

#include <algorithm>
#include <array>

namespace chrun::squashfs {
namespace {

using std::chrono::nanoseconds;

constexpr unsigned kMostInFlight = 16;  // requests at once
constexpr size_t kPiece = 128 << 10;    // of one: what most file systems read at once, too
constexpr uint64_t kRegion = kMostInFlight * kPiece;
constexpr auto kCached = std::chrono::microseconds(100);  // less: of the page cache, which says nothing of the storage
constexpr auto kSlow = std::chrono::milliseconds(1);      // local disks take less, unless they are busy
constexpr int kEnough = 4, kMost = 8;                     // more slow reads than fast ones, and where counting ends
constexpr auto kPatience = std::chrono::seconds(1);       // of threads, and then they end
constexpr size_t kThreadStack = 256 << 10;

}  // namespace

bool Neighbours::before(uint64_t position, size_t size) {
  if (!slow_.load(std::memory_order_relaxed) || size == 0 || position >= image_.super().bytes_used) return false;
  const std::lock_guard lock(mutex_);
  bool foreseen = true;
  for (uint64_t region = position / kRegion; region <= (position + size - 1) / kRegion; ++region) {
    if (regions_.contains(region)) continue;
    foreseen = false;
    if (!pressure_.is_high()) want(region);
  }
  return foreseen;
}

void Neighbours::after(bool foreseen, nanoseconds took) {
  if (foreseen || took < kCached) return;
  const std::lock_guard lock(mutex_);
  slower_ = std::clamp(slower_ + (took < kSlow ? -1 : 1), 0, kMost);
  slow_ = slower_ >= kEnough;
}

void Neighbours::want(uint64_t region) {
  regions_.insert(region);
  for (uint64_t end = (region + 1) * kRegion; end > region * kRegion; end -= kPiece) pieces_.push_back(end - kPiece);
  start_threads();
  if (threads_ == 0) pieces_.clear();
  wanted_.notify_all();
}

void Neighbours::start_threads() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kThreadStack);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  const auto start = [](void* self) -> void* {
    static_cast<Neighbours*>(self)->work();
    return nullptr;
  };
  pthread_t thread;
  // fewer, or none, serve as well
  while (threads_ < kMostInFlight && pthread_create(&thread, &attributes, start, this) == 0) ++threads_;
  pthread_attr_destroy(&attributes);
}

void Neighbours::work() {
  std::array<uint8_t, kPiece> unused;
  std::unique_lock lock(mutex_);
  while (wanted_.wait_for(lock, kPatience, [this] { return !pieces_.empty(); })) {
    const uint64_t piece = pieces_.back();
    pieces_.pop_back();
    lock.unlock();
    try {
      image_.read_some(piece, unused);
    } catch (const std::exception&) {
      // whoever asks for these bytes gets the error
    }
    lock.lock();
  }
  --threads_;
}

void Neighbours::forget() {
  const std::lock_guard lock(mutex_);
  regions_.clear();
}

}  // namespace chrun::squashfs
