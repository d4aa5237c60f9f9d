// Writes tar archives: ustar, with extended headers (pax) for what that can't hold.
#pragma once
#include <string>

#include "pack/sha256.h"
#include "pack/sink.h"
#include "pack/tar_reader.h"

namespace chrun::pack {

class TarWriter {
 public:
  explicit TarWriter(Sink& sink) : sink_(sink) { buffer_.reserve(1 << 20); }

  /// `entry.size` bytes of content follow for a file.
  void begin(const TarEntry& entry);
  void content(std::span<const uint8_t> bytes);
  void zeros(uint64_t count);
  /// After the content of a file.
  void end();
  /// The end mark. Returns the SHA-256 of everything, before it is compressed.
  std::string finish();
  uint64_t size() const { return size_; }

 private:
  void header(const TarEntry& entry, char type, const std::string& name, const std::string& target, uint64_t size);
  void put(std::span<const uint8_t> bytes);
  void flush();

  Sink& sink_;
  std::vector<uint8_t> buffer_;
  Sha256 sha_;
  uint64_t size_ = 0;
};

}  // namespace chrun::pack
