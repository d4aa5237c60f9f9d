// SHA-256 (FIPS 180-4), with the processor's instructions for it where it has them.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace chrun::pack {

class Sha256 {
 public:
  using Digest = std::array<uint8_t, 32>;

  void add(std::span<const uint8_t> bytes);
  /// Ends the hashing.
  Digest finish();
  /// The same, in hexadecimal digits.
  std::string hex();

 private:
  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> rest_{};
  uint64_t size_ = 0;
};

}  // namespace chrun::pack
