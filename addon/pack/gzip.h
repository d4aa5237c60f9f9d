// Compresses with gzip (RFC 1952), by several threads: the same bytes always become the same.
#pragma once
#include <cstdint>
#include <string>

namespace chrun::pack {

struct Compressed {
  std::string digest;  // SHA-256
  uint64_t size;       // bytes
};

/// From where `input` is to its end.
Compressed gzip(int input, int output, unsigned threads);

}  // namespace chrun::pack
