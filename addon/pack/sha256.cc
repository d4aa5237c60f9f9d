#include "pack/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace chrun::pack {
namespace {

constexpr size_t kBlock = 64;

alignas(16) constexpr uint32_t kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using State = std::array<uint32_t, 8>;

void hash_anywhere(State& state, const uint8_t* bytes, size_t blocks) {
  for (; blocks > 0; --blocks, bytes += kBlock) {
    uint32_t w[64];
    for (int i = 0; i < 16; ++i) {
      memcpy(&w[i], bytes + 4 * i, 4);
      w[i] = __builtin_bswap32(w[i]);
    }
    for (int i = 16; i < 64; ++i) {
      const uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) +
             (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (int i = 0; i < 64; ++i) {
      const uint32_t first =
          h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + kRounds[i] + w[i];
      const uint32_t second = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + second;
    }
    const State sums{a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < state.size(); ++i) state[i] += sums[i];
  }
}

#ifdef __x86_64__
bool has_instructions() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_SHA)) return false;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
}

/// The processor wants the state as ABEF and CDGH, and makes two rounds at a time.
__attribute__((target("sha,sse4.1"))) void hash_by_instructions(State& state, const uint8_t* bytes, size_t blocks) {
  const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  auto* words = reinterpret_cast<__m128i*>(state.data());
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  __m128i first = _mm_alignr_epi8(cdab, efgh, 8), second = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; blocks > 0; --blocks, bytes += kBlock) {
    const __m128i abef = first, cdgh = second;
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes) + i), order);
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      __m128i sum = _mm_add_epi32(w[i & 3], _mm_load_si128(reinterpret_cast<const __m128i*>(kRounds) + i));
      second = _mm_sha256rnds2_epu32(second, first, sum);
      sum = _mm_shuffle_epi32(sum, 0x0e);
      first = _mm_sha256rnds2_epu32(first, second, sum);
      const __m128i last = w[(i + 3) & 3];
      const __m128i part =
          _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), _mm_alignr_epi8(last, w[(i + 2) & 3], 4));
      w[i & 3] = _mm_sha256msg2_epu32(part, last);
    }
    first = _mm_add_epi32(first, abef);
    second = _mm_add_epi32(second, cdgh);
  }
  const __m128i feba = _mm_shuffle_epi32(first, 0x1b), dchg = _mm_shuffle_epi32(second, 0xb1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}
#endif

void hash(State& state, const uint8_t* bytes, size_t blocks) {
#ifdef __x86_64__
  static const bool fast = has_instructions();
  if (fast) return hash_by_instructions(state, bytes, blocks);
#endif
  hash_anywhere(state, bytes, blocks);
}

}  // namespace

void Sha256::add(std::span<const uint8_t> bytes) {
  const size_t held = size_ % kBlock;
  size_ += bytes.size();
  if (held > 0) {
    const size_t part = std::min(kBlock - held, bytes.size());
    if (part > 0) memcpy(rest_.data() + held, bytes.data(), part);
    bytes = bytes.subspan(part);
    if (held + part < kBlock) return;
    hash(state_, rest_.data(), 1);
  }
  hash(state_, bytes.data(), bytes.size() / kBlock);
  const auto left = bytes.last(bytes.size() % kBlock);
  if (!left.empty()) memcpy(rest_.data(), left.data(), left.size());
}

Sha256::Digest Sha256::finish() {
  const uint64_t bits = __builtin_bswap64(size_ * 8);
  uint8_t padding[kBlock + 8] = {0x80};
  const size_t count = (kBlock + 55 - size_ % kBlock) % kBlock + 1;
  memcpy(padding + count, &bits, sizeof bits);
  add({padding, count + sizeof bits});
  Digest digest;
  for (size_t i = 0; i < state_.size(); ++i) {
    const uint32_t word = __builtin_bswap32(state_[i]);
    memcpy(digest.data() + 4 * i, &word, 4);
  }
  return digest;
}

std::string Sha256::hex() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : finish()) (text += kDigits[byte >> 4]) += kDigits[byte & 15];
  return text;
}

}  // namespace chrun::pack
