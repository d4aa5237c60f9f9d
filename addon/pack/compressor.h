// zstd, one block at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct ZSTD_CCtx_s;

namespace chrun::pack {

class Compressor {
 public:
  explicit Compressor(int level);
  /// What blocks depend on, besides their content.
  static std::string way(int level);
  /// `plain` as a block of its own: how much of `room` it takes, or 0 if that is not smaller.
  size_t compress(std::span<const uint8_t> plain, std::span<uint8_t> room);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

/// The block of `size` bytes that was compressed to `stored`. Throws Error if it was not.
std::vector<uint8_t> decompress_block(std::span<const uint8_t> stored, size_t size);

}  // namespace chrun::pack
