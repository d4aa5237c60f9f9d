// Whether those who list directories also want the attributes of files. The kernel asks for them with the first part of
// each listing (READDIRPLUS_AUTO) and keeps them: for `ls -l` that saves a request for each file, for `find` and shell
// patterns it is most of the work, and for nothing. Directories always have theirs, as whoever walks a tree needs them.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace chrun::squashfs {

/// The first listings have attributes. Then they are left out, until somebody asks for those of a file in the directory
/// that was listed last: then the next listings have them again. After a pause it starts over, so that one listing of
/// a large directory has them.
class ListingHabit {
 public:
  /// At the beginning of a listing of this node.
  bool wants_attributes(uint64_t node) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ > kPause) full_ = kFirst;
    last_ = now;
    const bool full = full_ > 0;
    if (full) --full_;
    lean_ = full ? 0 : node;
    return full;
  }
  /// Whether the listing of this node that goes on has none.
  bool is_lean(uint64_t node) const { return lean_ == node; }
  /// A file in the directory `parent` was asked for.
  void looked_up(uint64_t parent) {
    if (lean_ != parent) return;
    const std::lock_guard lock(mutex_);
    full_ = kNext;
    lean_ = 0;
  }

 private:
  static constexpr unsigned kFirst = 8, kNext = 256;
  static constexpr auto kPause = std::chrono::milliseconds(100);

  std::mutex mutex_;
  std::chrono::steady_clock::time_point last_{};
  unsigned full_ = kFirst;  // listings
  std::atomic<uint64_t> lean_{0};
};

}  // namespace chrun::squashfs
