// A blob that is read while it arrives: another thread, or another process, writes it.
#pragma once
#include <atomic>
#include <string>

#include "pack/source.h"

namespace chrun::pack {

/// What will be `size` bytes at `path`. Until it is whole it has a longer name, PATH.part.…; what is there may turn out
/// to be wrong, and be rewritten: whoever reads it must check the whole. Throws Error once `stop` is set.
class ArrivingFile : public Source {
 public:
  ArrivingFile(std::string path, uint64_t size, const std::atomic<bool>& stop)
      : path_(std::move(path)), size_(size), stop_(stop) {}
  size_t read(std::span<uint8_t> to) override;

 private:
  void find();
  void wait() const;

  const std::string path_;
  const uint64_t size_;
  const std::atomic<bool>& stop_;
  Fd file_;
  uint64_t position_ = 0;
};

}  // namespace chrun::pack
