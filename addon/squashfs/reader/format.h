// SquashFS 4.0 as it lies on disk: constants and how to read its little-endian numbers.
// Layout: https://docs.kernel.org/filesystems/squashfs.html
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace chrun::squashfs {

static_assert(std::endian::native == std::endian::little, "numbers are copied from the image as they lie there");

/// The image contradicts itself or the format: the reader gets EIO, at start-up the user gets the words.
class Damage : public Error {
 public:
  using Error::Error;
};

/// The only way bytes of the image become a number: no alignment is assumed.
template <typename Number>
Number load(const uint8_t* from) {
  Number number;
  memcpy(&number, from, sizeof number);
  return number;
}

inline constexpr uint32_t kMagic = 0x73717368;           // "hsqs"
inline constexpr uint32_t kMagicBigEndian = 0x68737173;  // SquashFS before 4.0 on big-endian machines
inline constexpr size_t kSuperblockSize = 96;
inline constexpr uint32_t kMinBlockSize = 4096;
inline constexpr uint32_t kMaxBlockSize = 1 << 20;
inline constexpr uint32_t kMetadataSize = 8192;               // a metadata block, uncompressed
inline constexpr uint32_t kMetadataRoom = 2 + kMetadataSize;  // at most, with its header
inline constexpr uint16_t kMetadataStored = 1 << 15;          // in its header: not compressed
inline constexpr uint32_t kDataStored = 1 << 24;              // in the size word of a data block: not compressed
inline constexpr uint32_t kNoFragment = 0xffffffff;           // also "no xattrs"
inline constexpr uint64_t kNoTable = ~uint64_t{0};
inline constexpr uint32_t kDirectoryRun = 256;  // entries under one directory header
inline constexpr uint32_t kMaxName = 256;
inline constexpr uint32_t kMaxSymlink = 4095;  // PATH_MAX without its NUL: no process could follow more
inline constexpr uint32_t kMaxXattr = 65536;   // XATTR_SIZE_MAX and XATTR_LIST_MAX

enum class Compressor : uint16_t { gzip = 1, lzma = 2, lzo = 3, xz = 4, lz4 = 5, zstd = 6 };

/// Inode types; the extended ones have the same order, seven further on.
enum class Type : uint16_t { directory = 1, file, symlink, block_device, char_device, fifo, socket };
inline constexpr uint16_t kExtended = 7;

/// Where something lies in a metadata table: the block's place relative to the table, and the byte in the block.
struct Reference {
  uint64_t block;
  uint32_t offset;

  static Reference unpack(uint64_t packed) { return {packed >> 16, static_cast<uint32_t>(packed & 0xffff)}; }
  uint64_t pack() const { return block << 16 | offset; }
};

}  // namespace chrun::squashfs
