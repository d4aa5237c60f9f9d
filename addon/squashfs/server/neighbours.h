// Hides the latency of slow storage where no record says what will be needed: what lies near the bytes that are asked
// for is read as well, by many requests at once. It goes to the kernel's page cache, which has room or not, and none of
// it is kept here.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "squashfs/reader/image.h"
#include "squashfs/server/pressure.h"

namespace chrun::squashfs {

class Neighbours : public ReadWatcher {
 public:
  Neighbours(const Image& image, const Pressure& pressure) : image_(image), pressure_(pressure) {}
  /// Called in a worker's sandbox only: threads that are started here are in it, too.
  bool before(uint64_t position, size_t size) override;
  void after(bool foreseen, std::chrono::nanoseconds took) override;
  /// After a pause: what was read may have left the page cache.
  void forget();

 private:
  void want(uint64_t region);
  void start_threads();
  void work();

  const Image& image_;
  const Pressure& pressure_;
  std::atomic<bool> slow_{false};
  std::mutex mutex_;  // of all that follows
  std::condition_variable wanted_;
  int slower_ = 0;                        // how many reads more were slow than fast, lately
  std::unordered_set<uint64_t> regions_;  // that were read, or are being read
  std::vector<uint64_t> pieces_;          // where what is to be read begins, the next one last
  unsigned threads_ = 0;
};

}  // namespace chrun::squashfs
