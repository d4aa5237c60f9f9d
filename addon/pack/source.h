// Streams of bytes that are read once, from the beginning to the end.
#pragma once
#include <cstdint>
#include <span>

#include "base/fd.h"
#include "pack/sha256.h"

namespace chrun::pack {

class Source {
 public:
  virtual ~Source() = default;
  /// At least one byte, or 0 at the end. Throws Error.
  virtual size_t read(std::span<uint8_t> to) = 0;
};

/// A part of a file. Throws where the file ends before.
class FilePart : public Source {
 public:
  FilePart(int file, uint64_t offset, uint64_t size) : file_(file), position_(offset), left_(size) {}
  FilePart(Fd file, uint64_t offset, uint64_t size) : FilePart(file.get(), offset, size) { own_ = std::move(file); }
  size_t read(std::span<uint8_t> to) override;

 private:
  Fd own_;
  int file_;
  uint64_t position_, left_;
};

/// A file from where it is to its end: a pipe, too.
class WholeFile : public Source {
 public:
  explicit WholeFile(int file) : file_(file) {}
  size_t read(std::span<uint8_t> to) override;

 private:
  int file_;
};

/// What another source has, counted and hashed as it passes.
class Hashed : public Source {
 public:
  enum class Kind { hashed, counted };
  explicit Hashed(Source& source, Kind kind = Kind::hashed) : source_(source), kind_(kind) {}
  size_t read(std::span<uint8_t> to) override;

  uint64_t size() const { return size_; }
  /// Of all that was read; ends the hashing.
  std::string digest() { return sha_.hex(); }

 private:
  Source& source_;
  const Kind kind_;
  Sha256 sha_;
  uint64_t size_ = 0;
};

}  // namespace chrun::pack
