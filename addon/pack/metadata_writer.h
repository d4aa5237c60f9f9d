// Tables of SquashFS: streams of bytes cut into compressed blocks of 8 KiB.
#pragma once
#include <cstring>

#include "pack/compressor.h"
#include "squashfs/reader/format.h"

namespace chrun::pack {

class MetadataWriter {
 public:
  explicit MetadataWriter(Compressor& compressor) : compressor_(compressor) {}

  /// Where the next byte will be: the block's place in the stored table, and the byte in it.
  squashfs::Reference position() const { return {stored_.size(), static_cast<uint32_t>(block_.size())}; }
  void add(std::span<const uint8_t> bytes);
  template <typename Number>
  void number(Number value) {
    uint8_t bytes[sizeof value];
    memcpy(bytes, &value, sizeof value);
    add(bytes);
  }
  /// Ends the last block, and returns the whole table.
  const std::vector<uint8_t>& finish();
  /// Where each block begins in the stored table; complete after finish().
  const std::vector<uint64_t>& blocks() const { return blocks_; }

 private:
  void flush();

  Compressor& compressor_;
  std::vector<uint8_t> block_, stored_;
  std::vector<uint64_t> blocks_;
};

}  // namespace chrun::pack
