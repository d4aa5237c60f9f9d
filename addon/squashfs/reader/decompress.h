// One block in, one block out, for every compressor of SquashFS that this build has.
#pragma once
#include <span>
#include <string>

#include "squashfs/reader/format.h"

namespace chrun::squashfs {

/// "gzip", "zstd" …; nullptr for a number that SquashFS 4.0 does not have.
const char* compressor_name(Compressor compressor);

/// Whether this build was linked with the library that the compressor needs.
bool compressor_available(Compressor compressor);

/// The libraries that are linked, with their versions: `libdeflate 1.14, liblzma 5.4.1`.
std::string library_versions();

/// Decompresses a whole block and returns its size. Thread-safe: decoder states are kept per thread.
/// Throws Damage where `packed` is not one sound block of at most `plain.size()` bytes.
size_t decompress(Compressor compressor, std::span<const uint8_t> packed, std::span<uint8_t> plain);

}  // namespace chrun::squashfs
