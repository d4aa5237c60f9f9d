// Bounds the cost of one request, so that no image can make a process wait forever: counts in an image can't be
// trusted, and a process that waits for FUSE can't be killed before it gets an answer.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace chrun::squashfs {

/// The process that asked was interrupted, most likely killed (FUSE_INTERRUPT).
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// Of one thread, for the request that it answers.
class Work {
 public:
  /// More metadata than any request for a sound image needs, in blocks of 8 KiB: the sizes of all blocks of a file of
  /// 512 GiB with blocks of 4 KiB.
  static constexpr uint32_t kMostBlocks = 65536;

  /// Begins the request with this number, which may read as many blocks of metadata.
  void begin(uint64_t request) {
    left_ = kMostBlocks;
    request_.store(request);
  }
  void end() { request_.store(0); }
  /// Lowers what may still be read.
  void limit(uint32_t blocks) { left_ = std::min(left_, blocks); }
  /// Counts one block. Throws Interrupted; false where there were too many.
  bool spend() {
    const uint64_t request = request_.load(std::memory_order_relaxed);
    if (request != 0 && interrupted_.load(std::memory_order_relaxed) == request) throw Interrupted();
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  /// Called by another thread. Whether this is what the thread does.
  bool interrupt(uint64_t request) {
    if (request_.load() != request) return false;
    interrupted_.store(request, std::memory_order_relaxed);
    return true;
  }

  static Work& current() {
    constinit static thread_local Work work;
    return work;
  }

 private:
  uint32_t left_ = kMostBlocks;
  std::atomic<uint64_t> request_{0};      // 0: none
  std::atomic<uint64_t> interrupted_{0};  // by its number, so that no later request is meant
};

}  // namespace chrun::squashfs
