// fuzz-inflate COUNT SEED: what zlib compresses, in any way that it can, comes out as it was, whatever the sizes in
// which it is read; and of damaged data, what zlib refuses is refused, and what it takes comes out as from it.
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>

#include "base/error.h"
#include "pack/decompress.h"
#include "pack/inflate.h"

namespace {

using namespace chrun;
using Bytes = std::vector<uint8_t>;
using Random = std::mt19937;

/// Comes in parts of some bytes.
class Parts : public pack::Source {
 public:
  Parts(const Bytes& bytes, size_t most) : bytes_(bytes), most_(most) {}
  size_t read(std::span<uint8_t> to) override {
    const size_t part = std::min({to.size(), bytes_.size() - at_, most_});
    if (part > 0) memcpy(to.data(), bytes_.data() + at_, part);
    at_ += part;
    return part;
  }

 private:
  const Bytes& bytes_;
  const size_t most_;
  size_t at_ = 0;
};

Bytes some_content(Random& random) {
  Bytes content;
  for (int part = static_cast<int>(random() % 6); part-- > 0;) {
    const size_t size = random() % 3 == 0 ? random() % 120'000 : random() % 600;
    const unsigned letters = 1u << random() % 9, period = 1u + random() % 40'000;
    const bool repeats = random() % 2;
    for (size_t i = 0; i < size; ++i)
      content.push_back(repeats && content.size() >= period && random() % 50
                            ? content[content.size() - period]
                            : static_cast<uint8_t>(random() % letters));
  }
  return content;
}

/// `wrapped`: as gzip, else deflate alone.
Bytes compressed(const Bytes& content, Random& random, bool wrapped) {
  constexpr int kStrategies[] = {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
  constexpr int kFlushes[] = {Z_NO_FLUSH, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK};
  const int window = 9 + static_cast<int>(random() % 7), memory = 1 + static_cast<int>(random() % 9);
  z_stream stream{};
  if (deflateInit2(&stream, static_cast<int>(random() % 10), Z_DEFLATED, wrapped ? window + 16 : -window, memory,
                   kStrategies[random() % 5]) != Z_OK)
    abort();
  gz_header header{};
  Bytes extra(random() % 300);
  header.extra = extra.data();
  header.extra_len = static_cast<uInt>(extra.size());
  header.name = header.comment = reinterpret_cast<Bytef*>(const_cast<char*>("some name"));
  header.hcrc = 1;
  if (wrapped && random() % 2) deflateSetHeader(&stream, &header);
  Bytes result(compressBound(content.size()) + content.size() / 2 + 4096);
  stream.next_out = result.data();
  stream.avail_out = static_cast<uInt>(result.size());
  for (size_t at = 0; at < content.size();) {
    const size_t part = std::min<size_t>(content.size() - at, 1 + random() % 200'000);
    stream.next_in = const_cast<uint8_t*>(content.data() + at);
    stream.avail_in = static_cast<uInt>(part);
    deflate(&stream, kFlushes[random() % 5]);
    at += part;
    if (stream.avail_in != 0) abort();
  }
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) abort();
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

std::optional<Bytes> by_zlib(const Bytes& data) {
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) abort();
  stream.next_in = const_cast<uint8_t*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  Bytes result, part(1 << 16);
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = part.data();
    stream.avail_out = static_cast<uInt>(part.size());
    code = inflate(&stream, Z_NO_FLUSH);
    result.insert(result.end(), part.data(), stream.next_out);
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return {};
  return result;
}

std::optional<Bytes> by_ours(const Bytes& data, Random& random) try {
  Parts source(data, 1 + random() % (random() % 2 ? 20 : 300'000));
  pack::BitReader bits(source);
  pack::Inflater inflater(bits);
  Bytes result;
  for (auto part = inflater.next(); !part.empty(); part = inflater.next())
    result.insert(result.end(), part.begin(), part.end());
  return result;
} catch (const Error&) {
  return {};
}

/// One or more members, read in parts.
Bytes read_gzip(const Bytes& data, Random& random) {
  Parts source(data, 1 + random() % (random() % 2 ? 20 : 300'000));
  const auto reader = pack::decompressed(source);
  Bytes result, part(1 + random() % (random() % 2 ? 50 : 300'000));
  while (const size_t got = reader->read(part))
    result.insert(result.end(), part.begin(), part.begin() + static_cast<long>(got));
  return result;
}

[[noreturn]] void fail(const char* what, int round) {
  printf("%s in round %d\n", what, round);
  exit(1);
}

void one_round(Random& random, int round) {
  const Bytes content = some_content(random);
  Bytes members = compressed(content, random, true), twice = content;
  if (random() % 3 == 0) {
    const Bytes more = some_content(random), member = compressed(more, random, true);
    members.insert(members.end(), member.begin(), member.end());
    twice.insert(twice.end(), more.begin(), more.end());
  }
  try {
    if (read_gzip(members, random) != twice) fail("another content", round);
  } catch (const Error& failure) {
    fail(failure.what(), round);
  }
  Bytes data = compressed(content, random, false);
  if (by_ours(data, random) != content) fail("another content of deflate", round);
  for (int tries = 0; tries < 8; ++tries) {
    Bytes damaged = data;
    if (random() % 4 == 0) damaged.resize(random() % (damaged.size() + 1));
    for (size_t changes = random() % 4; changes > 0 && !damaged.empty(); --changes)
      damaged[random() % 2 ? random() % damaged.size() : random() % std::min<size_t>(damaged.size(), 90)] ^=
          static_cast<uint8_t>(1u << random() % 8);
    if (by_ours(damaged, random) != by_zlib(damaged)) fail("not as zlib", round);
  }
}

}  // namespace

int main(int count, char** words) {
  Random random(count > 2 ? static_cast<unsigned>(atoi(words[2])) : 1);
  const int rounds = count > 1 ? atoi(words[1]) : 100;
  for (int round = 0; round < rounds; ++round) one_round(random, round);
  printf("%d rounds\n", rounds);
}
