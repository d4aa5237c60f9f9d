#include "squashfs/reader/decompress.h"

#include <memory>

// The build says which libraries there are; a compressor without one is refused at start-up in words.
#if defined(SQUASHFS_WITH_DEFLATE)
#include <libdeflate.h>  // two to three times as fast as zlib on whole blocks
#elif defined(SQUASHFS_WITH_ZLIB)
#include <zlib.h>
#endif
#ifdef SQUASHFS_WITH_XZ
#include <lzma.h>
#endif
#ifdef SQUASHFS_WITH_LZ4
#include <lz4.h>
#endif
#ifdef SQUASHFS_WITH_ZSTD
#include <zstd.h>
#endif

#include "squashfs/reader/lzo.h"

namespace chrun::squashfs {
namespace {

using Bytes = std::span<const uint8_t>;
using Room = std::span<uint8_t>;

[[noreturn]] void refuse(Compressor compressor) {
  throw Damage(std::string("a block is not sound ") + compressor_name(compressor) + " data");
}

#if defined(SQUASHFS_WITH_DEFLATE)
size_t inflate_block(Bytes packed, Room plain) {
  struct Free {
    void operator()(libdeflate_decompressor* decoder) const { libdeflate_free_decompressor(decoder); }
  };
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> decoder{libdeflate_alloc_decompressor()};
  if (!decoder) throw std::bad_alloc();
  size_t size = 0;
  const auto result =
      libdeflate_zlib_decompress(decoder.get(), packed.data(), packed.size(), plain.data(), plain.size(), &size);
  if (result != LIBDEFLATE_SUCCESS) refuse(Compressor::gzip);
  return size;
}
#elif defined(SQUASHFS_WITH_ZLIB)
size_t inflate_block(Bytes packed, Room plain) {
  uLongf size = plain.size();
  if (uncompress(plain.data(), &size, packed.data(), packed.size()) != Z_OK) refuse(Compressor::gzip);
  return size;
}
#endif

#ifdef SQUASHFS_WITH_XZ
size_t unxz_block(Bytes packed, Room plain) {
  uint64_t memory_limit = 64 << 20;  // a sound dictionary is no larger than a block: at most 1 MiB and some
  size_t read = 0, written = 0;
  const lzma_ret result = lzma_stream_buffer_decode(&memory_limit, 0, nullptr, packed.data(), &read, packed.size(),
                                                    plain.data(), &written, plain.size());
  if (result != LZMA_OK) refuse(Compressor::xz);
  return written;
}
#endif

size_t unlzo_block(Bytes packed, Room plain) {
  const size_t size = decode_lzo(packed, plain);
  if (size > plain.size()) refuse(Compressor::lzo);
  return size;
}

#ifdef SQUASHFS_WITH_LZ4
size_t unlz4_block(Bytes packed, Room plain) {
  const int size =
      LZ4_decompress_safe(reinterpret_cast<const char*>(packed.data()), reinterpret_cast<char*>(plain.data()),
                          static_cast<int>(packed.size()), static_cast<int>(plain.size()));
  if (size < 0) refuse(Compressor::lz4);
  return static_cast<size_t>(size);
}
#endif

#ifdef SQUASHFS_WITH_ZSTD
size_t unzstd_block(Bytes packed, Room plain) {
  struct Free {
    void operator()(ZSTD_DCtx* decoder) const { ZSTD_freeDCtx(decoder); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> decoder{ZSTD_createDCtx()};
  if (!decoder) throw std::bad_alloc();
  const size_t size = ZSTD_decompressDCtx(decoder.get(), plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(size)) refuse(Compressor::zstd);
  return size;
}
#endif

using Decoder = size_t (*)(Bytes, Room);

/// nullptr where this build has no library for it.
Decoder decoder_of(Compressor compressor) {
  switch (compressor) {
    case Compressor::gzip:
#if defined(SQUASHFS_WITH_DEFLATE) || defined(SQUASHFS_WITH_ZLIB)
      return inflate_block;
#else
      return nullptr;
#endif
    case Compressor::xz:
#ifdef SQUASHFS_WITH_XZ
      return unxz_block;
#else
      return nullptr;
#endif
    case Compressor::lzo:
      return unlzo_block;
    case Compressor::lz4:
#ifdef SQUASHFS_WITH_LZ4
      return unlz4_block;
#else
      return nullptr;
#endif
    case Compressor::zstd:
#ifdef SQUASHFS_WITH_ZSTD
      return unzstd_block;
#else
      return nullptr;
#endif
    case Compressor::lzma:
      return nullptr;  // the format before xz: only very old tools wrote it
  }
  return nullptr;
}

}  // namespace

const char* compressor_name(Compressor compressor) {
  switch (compressor) {
    case Compressor::gzip:
      return "gzip";
    case Compressor::lzma:
      return "lzma";
    case Compressor::lzo:
      return "lzo";
    case Compressor::xz:
      return "xz";
    case Compressor::lz4:
      return "lz4";
    case Compressor::zstd:
      return "zstd";
  }
  return nullptr;
}

bool compressor_available(Compressor compressor) { return decoder_of(compressor) != nullptr; }

std::string library_versions() {
  std::string versions;
  [[maybe_unused]] const auto add = [&](const char* name, const char* version) {
    ((versions += versions.empty() ? "" : ", ") += name) += version;
  };
#if defined(SQUASHFS_WITH_DEFLATE)
  add("libdeflate ", LIBDEFLATE_VERSION_STRING);
#elif defined(SQUASHFS_WITH_ZLIB)
  add("zlib ", zlibVersion());
#endif
#ifdef SQUASHFS_WITH_XZ
  add("liblzma ", lzma_version_string());
#endif
#ifdef SQUASHFS_WITH_LZ4
  add("lz4 ", LZ4_versionString());
#endif
#ifdef SQUASHFS_WITH_ZSTD
  add("zstd ", ZSTD_versionString());
#endif
  return versions;
}

size_t decompress(Compressor compressor, std::span<const uint8_t> packed, std::span<uint8_t> plain) {
  return decoder_of(compressor)(packed, plain);
}

}  // namespace chrun::squashfs
