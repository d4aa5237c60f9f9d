// Where an archive goes: a file or a pipe, as it is or compressed.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

namespace chrun::pack {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::span<const uint8_t> bytes) = 0;
  /// After the last byte.
  virtual void finish() {}
};

struct Compression {
  enum class Kind { none, gzip, zstd };
  Kind kind = Kind::none;
  int level = 0;
  unsigned threads = 1;  // the bytes are the same with any number
};

std::unique_ptr<Sink> make_sink(int file, const Compression& compression);

}  // namespace chrun::pack
