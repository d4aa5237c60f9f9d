#include "pack/source.h"

#include <algorithm>

#include "base/error.h"

namespace chrun::pack {

size_t FilePart::read(std::span<uint8_t> to) {
  const size_t wanted = std::min<uint64_t>(to.size(), left_);
  if (wanted == 0) return 0;
  ssize_t got;
  do got = pread(file_, to.data(), wanted, static_cast<off_t>(position_));
  while (got < 0 && errno == EINTR);
  if (got < 0) throw Refused("pread").cannot("read");
  if (got == 0) throw Error("the file is cut short: " + std::to_string(left_) + " bytes are missing");
  position_ += static_cast<size_t>(got);
  left_ -= static_cast<size_t>(got);
  return static_cast<size_t>(got);
}

size_t WholeFile::read(std::span<uint8_t> to) {
  ssize_t got;
  do got = ::read(file_, to.data(), to.size());
  while (got < 0 && errno == EINTR);
  if (got < 0) throw Refused("read").cannot("read");
  return static_cast<size_t>(got);
}

size_t Hashed::read(std::span<uint8_t> to) {
  const size_t got = source_.read(to);
  if (kind_ == Kind::hashed) sha_.add(to.first(got));
  size_ += got;
  return got;
}

}  // namespace chrun::pack
