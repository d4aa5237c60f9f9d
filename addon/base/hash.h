// FNV-1a, 64 bits, to go on with: distinguishes, need not withstand attacks.
#pragma once
#include <cstdint>
#include <string_view>

namespace chrun {

inline constexpr uint64_t kHashStart = 0xcbf29ce484222325;

inline uint64_t hash(std::string_view text, uint64_t value = kHashStart) {
  for (const unsigned char byte : text) value = (value ^ byte) * 0x100000001b3;
  return value;
}

}  // namespace chrun
