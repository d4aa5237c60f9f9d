#include "pack/copy_run.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace chrun::pack {
namespace {

constexpr size_t kPart = 1 << 20;

}  // namespace

void write_at(int file, std::span<const uint8_t> bytes, uint64_t position) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw Refused("pwrite").cannot("write the image");
    bytes = bytes.subspan(static_cast<size_t>(put));
    position += static_cast<size_t>(put);
  }
}

void read_at(int file, std::span<uint8_t> bytes, uint64_t position) {
  while (!bytes.empty()) {
    const ssize_t got = pread(file, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Refused("pread").cannot("read an image");
    if (got == 0) throw Error("an image in storage is cut short", "delete it, and get it again");
    bytes = bytes.subspan(static_cast<size_t>(got));
    position += static_cast<size_t>(got);
  }
}

void CopyRun::add(const std::shared_ptr<Fd>& from, uint64_t start, uint64_t position, uint64_t size) {
  if (size_ > 0 && (from != from_ || start != start_ + size_ || position != position_ + size_)) flush();
  if (size_ == 0) {
    from_ = from;
    start_ = start;
    position_ = position;
  }
  size_ += size;
}

void CopyRun::flush() {
  if (size_ > 0 && !copy_in_kernel()) copy_by_hand();
  size_ = 0;
}

/// False where it can't: some file systems, and old kernels between two of them. What is copied is counted.
bool CopyRun::copy_in_kernel() {
  while (size_ > 0) {
    auto start = static_cast<loff_t>(start_), position = static_cast<loff_t>(position_);
    const ssize_t done = copy_file_range(from_->get(), &start, to_, &position, size_, 0);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
      throw Refused("copy_file_range").cannot("write the image");
    if (done <= 0) return false;
    start_ += static_cast<uint64_t>(done);
    position_ += static_cast<uint64_t>(done);
    size_ -= static_cast<uint64_t>(done);
  }
  return true;
}

void CopyRun::copy_by_hand() {
  std::vector<uint8_t> buffer(std::min<uint64_t>(kPart, size_));
  while (size_ > 0) {
    const std::span part(buffer.data(), std::min<uint64_t>(buffer.size(), size_));
    read_at(from_->get(), part, start_);
    write_at(to_, part, position_);
    start_ += part.size();
    position_ += part.size();
    size_ -= part.size();
  }
}

}  // namespace chrun::pack
