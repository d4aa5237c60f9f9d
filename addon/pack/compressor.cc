#include "pack/compressor.h"

#include <zstd.h>

#include <new>

#include "base/error.h"

namespace chrun::pack {

Compressor::Compressor(int level) : context_(ZSTD_createCCtx()), level_(level) {
  if (!context_) throw std::bad_alloc();
}

void Compressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

std::span<const uint8_t> Compressor::compress(std::span<const uint8_t> plain) {
  room_.resize(plain.size());
  const size_t size = ZSTD_compressCCtx(context_.get(), room_.data(), room_.size(), plain.data(), plain.size(), level_);
  // an error: there is no room for what is larger
  if (ZSTD_isError(size) || size >= plain.size()) return {};
  return std::span(room_).first(size);
}

std::vector<uint8_t> decompress_block(std::span<const uint8_t> stored, size_t size) {
  std::vector<uint8_t> plain(size);
  if (ZSTD_decompress(plain.data(), plain.size(), stored.data(), stored.size()) != size)
    throw Error("an image in storage is damaged", "delete it, and get it again");
  return plain;
}

}  // namespace chrun::pack
