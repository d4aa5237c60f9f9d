// Files whose content the kernel has been given, or has asked for: nobody gives it again while the kernel knows the
// file.
#pragma once
#include <cstdint>
#include <mutex>
#include <unordered_set>

namespace chrun::squashfs {

class GivenFiles {
 public:
  /// Whether that is new; false as well where there are too many.
  bool add(uint64_t node) {
    const std::lock_guard lock(mutex_);
    return nodes_.size() < kMost && nodes_.insert(node).second;
  }
  /// The kernel has forgotten the file, and with it its content.
  void remove(uint64_t node) {
    const std::lock_guard lock(mutex_);
    nodes_.erase(node);
  }

 private:
  static constexpr size_t kMost = 16384;  // less than 1 MB

  std::mutex mutex_;
  std::unordered_set<uint64_t> nodes_;
};

}  // namespace chrun::squashfs
