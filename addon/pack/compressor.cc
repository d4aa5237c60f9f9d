#include "pack/compressor.h"

#include <zstd.h>

#include <new>

#include "base/error.h"

namespace chrun::pack {

namespace {

/// For level 3, which searches two hash tables: 32 and 64 KiB, of 128 and 256, stay in the processor's caches. That
/// takes a seventh less time, and a hundredth more room; what reads the image takes no longer.
constexpr int kTableLevel = 3, kShortTable = 13, kLongTable = 14;

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  if (ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)))
    throw Error("zstd has no level " + std::to_string(value));
}

}  // namespace

Compressor::Compressor(int level) : context_(ZSTD_createCCtx()) {
  if (!context_) throw std::bad_alloc();
  set(context_.get(), ZSTD_c_compressionLevel, level);
  if (level != kTableLevel) return;
  set(context_.get(), ZSTD_c_chainLog, kShortTable);
  set(context_.get(), ZSTD_c_hashLog, kLongTable);
}

std::string Compressor::way(int level) {
  const std::string tables =
      level == kTableLevel ? " tables " + std::to_string(kShortTable) + " " + std::to_string(kLongTable) : "";
  return "zstd " + std::to_string(ZSTD_versionNumber()) + " level " + std::to_string(level) + tables;
}

void Compressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

size_t Compressor::compress(std::span<const uint8_t> plain, std::span<uint8_t> room) {
  const size_t size = ZSTD_compress2(context_.get(), room.data(), room.size(), plain.data(), plain.size());
  // an error: there is no room for what is larger
  return ZSTD_isError(size) || size >= plain.size() ? 0 : size;
}

std::vector<uint8_t> decompress_block(std::span<const uint8_t> stored, size_t size) {
  std::vector<uint8_t> plain(size);
  if (ZSTD_decompress(plain.data(), plain.size(), stored.data(), stored.size()) != size)
    throw Error("an image in storage is damaged", "delete it, and get it again");
  return plain;
}

}  // namespace chrun::pack
