// LZO1X, the compressor "lzo" of SquashFS: a decoder of our own, because liblzo2 is under the GPL.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace chrun::squashfs {

/// The size of what `packed`, one whole stream, contains; SIZE_MAX where it is not sound or larger than `plain`.
size_t decode_lzo(std::span<const uint8_t> packed, std::span<uint8_t> plain);

}  // namespace chrun::squashfs
