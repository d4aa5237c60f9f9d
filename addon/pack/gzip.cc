#include "pack/gzip.h"

#include <zlib.h>

#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "base/files.h"
#include "pack/interrupt.h"
#include "pack/sha256.h"
#include "pack/source.h"

namespace chrun::pack {
namespace {

// each a member of its own, which readers take for one stream; what is lost by that is not worth mentioning at this
// size
constexpr size_t kPart = 4 << 20;
// 6, the usual one, takes twice as long for 2 % less
constexpr int kLevel = 4;

struct Part {
  std::vector<uint8_t> plain, packed;
  bool failed = false;

  void compress() {
    z_stream stream{};
    // 16: with gzip's header, in which there is no time
    if (deflateInit2(&stream, kLevel, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
      failed = true;
      return;
    }
    packed.resize(deflateBound(&stream, plain.size()));
    stream.next_in = plain.data();
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = packed.data();
    stream.avail_out = static_cast<uInt>(packed.size());
    failed = deflate(&stream, Z_FINISH) != Z_STREAM_END;
    packed.resize(stream.total_out);
    deflateEnd(&stream);
  }
};

/// False at the end.
bool fill(WholeFile& source, Part& part) {
  part.plain.resize(kPart);
  size_t size = 0;
  while (size < kPart) {
    const size_t got = source.read(std::span(part.plain).subspan(size));
    if (got == 0) break;
    size += got;
  }
  part.plain.resize(size);
  return size > 0;
}

void compress_all(std::span<Part> parts) {
  std::vector<std::jthread> workers;
  for (Part& part : parts) {
    try {
      workers.emplace_back([&part] { part.compress(); });
    } catch (const std::system_error&) {
      // a limit of the user's: this thread does it
      part.compress();
    }
  }
}

}  // namespace

Compressed gzip(int input, int output, unsigned threads) {
  WholeFile source(input);
  std::vector<Part> parts(threads);
  Sha256 sha;
  uint64_t size = 0;
  size_t filled = 0;
  do {
    check_signals();
    for (filled = 0; filled < parts.size() && fill(source, parts[filled]);) ++filled;
    // nothing at all is a member, too
    if (filled == 0 && size == 0) filled = 1;
    const std::span<Part> work = std::span(parts).first(filled);
    compress_all(work);
    for (const Part& part : work) {
      if (part.failed) throw std::bad_alloc();
      write_all(output, {reinterpret_cast<const char*>(part.packed.data()), part.packed.size()}, "a layer");
      sha.add(part.packed);
      size += part.packed.size();
    }
  } while (filled == parts.size());
  return {sha.hex(), size};
}

}  // namespace chrun::pack
