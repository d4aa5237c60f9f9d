#include "pack/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <system_error>
#include <thread>

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

/// Hashed as it passes.
class HashedSink : public Sink {
 public:
  explicit HashedSink(Sink& to) : to_(to) {}
  void write(std::span<const uint8_t> bytes) override {
    sha_.add(bytes);
    size_ += bytes.size();
    to_.write(bytes);
  }
  Compressed found() { return {sha_.hex(), size_}; }

 private:
  Sink& to_;
  Sha256 sha_;
  uint64_t size_ = 0;
};

}  // namespace

GzipSink::GzipSink(Sink& to, int level, unsigned threads) : to_(to), level_(level), parts_(std::max(threads, 1u)) {}

void GzipSink::compress(Part& part) const {
  z_stream stream{};
  // 16: with gzip's header, in which there is no time
  part.failed = deflateInit2(&stream, level_, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK;
  if (part.failed) return;
  part.packed.resize(deflateBound(&stream, part.plain.size()));
  stream.next_in = part.plain.data();
  stream.avail_in = static_cast<uInt>(part.plain.size());
  stream.next_out = part.packed.data();
  stream.avail_out = static_cast<uInt>(part.packed.size());
  part.failed = deflate(&stream, Z_FINISH) != Z_STREAM_END;
  part.packed.resize(stream.total_out);
  deflateEnd(&stream);
}

void GzipSink::write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    std::vector<uint8_t>& plain = parts_[filling_].plain;
    const auto now = bytes.first(std::min(bytes.size(), kPart - plain.size()));
    plain.insert(plain.end(), now.begin(), now.end());
    bytes = bytes.subspan(now.size());
    if (plain.size() == kPart && ++filling_ == parts_.size()) flush();
  }
}

void GzipSink::finish() {
  // nothing at all is a member, too
  if (filling_ < parts_.size() && (!parts_[filling_].plain.empty() || (empty_ && filling_ == 0))) ++filling_;
  flush();
}

void GzipSink::flush() {
  const std::span<Part> work = std::span(parts_).first(filling_);
  {
    std::vector<std::jthread> workers;
    for (Part& part : work) {
      check_signals();
      try {
        workers.emplace_back([this, &part] { compress(part); });
      } catch (const std::system_error&) {
        // a limit of the user's: this thread does it
        compress(part);
      }
    }
  }
  for (Part& part : work) {
    if (part.failed) throw std::bad_alloc();
    to_.write(part.packed);
    part.plain.clear();
    empty_ = false;
  }
  filling_ = 0;
}

Compressed gzip(int input, int output, unsigned threads) {
  WholeFile source(input);
  const auto file = make_sink(output, {});
  HashedSink hashed(*file);
  GzipSink sink(hashed, kLevel, threads);
  std::vector<uint8_t> buffer(1 << 20);
  while (const size_t got = source.read(buffer)) sink.write(std::span(buffer).first(got));
  sink.finish();
  return hashed.found();
}

}  // namespace chrun::pack
