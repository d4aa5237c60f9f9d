// Copies parts of files into the image, in the kernel where it can do that: parts that follow each other in both at
// once.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "base/fd.h"

namespace chrun::pack {

class CopyRun {
 public:
  explicit CopyRun(int to) : to_(to) {}

  /// Copies sooner or later: flush() does it.
  void add(const std::shared_ptr<Fd>& from, uint64_t start, uint64_t position, uint64_t size);
  void flush();

 private:
  bool copy_in_kernel();
  void copy_by_hand();

  const int to_;
  std::shared_ptr<Fd> from_;
  uint64_t start_ = 0, position_ = 0, size_ = 0;
};

/// Writes all of `bytes` to the image.
void write_at(int file, std::span<const uint8_t> bytes, uint64_t position);
/// Reads all of `bytes` from an image.
void read_at(int file, std::span<uint8_t> bytes, uint64_t position);

}  // namespace chrun::pack
