#include "pack/decompress.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "pack/inflate.h"
#ifdef SQUASHFS_WITH_DEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif
#ifdef PACK_WITH_XZ
#include <lzma.h>
#endif
#ifdef PACK_WITH_BZIP2
#include <bzlib.h>
#endif

namespace chrun::pack {
namespace {

constexpr size_t kInput = 128 << 10;
constexpr size_t kMagic = 6;  // bytes that tell compressions apart

/// Bytes of a source that were looked at before.
class Peeked : public Source {
 public:
  explicit Peeked(Source& source) : source_(source), bytes_(kInput) {
    while (end_ < kMagic) {
      const size_t got = source_.read(std::span(bytes_).subspan(end_));
      if (got == 0) break;
      end_ += got;
    }
  }
  bool begins_with(std::string_view magic) const {
    return end_ >= magic.size() && memcmp(bytes_.data(), magic.data(), magic.size()) == 0;
  }
  size_t read(std::span<uint8_t> to) override {
    if (at_ == end_) return source_.read(to);
    const size_t part = std::min(to.size(), end_ - at_);
    memcpy(to.data(), bytes_.data() + at_, part);
    at_ += part;
    return part;
  }

 private:
  Source& source_;
  std::vector<uint8_t> bytes_;
  size_t at_ = 0, end_ = 0;
};

/// Input that is there, and room for output: a step moves both on.
struct Step {
  std::span<const uint8_t> in;
  std::span<uint8_t> out;
  bool last;  // no more input follows
};

class Decoder : public Source {
 public:
  explicit Decoder(std::unique_ptr<Peeked> source) : source_(std::move(source)), input_(kInput) {}

  size_t read(std::span<uint8_t> to) override {
    for (;;) {
      if (in_.empty() && !ended_) {
        const size_t got = source_->read(input_);
        in_ = std::span(input_).first(got);
        ended_ = got == 0;
      }
      Step step{in_, to, ended_};
      decode(step);
      const bool moved = step.in.size() != in_.size();
      in_ = step.in;
      if (const size_t made = to.size() - step.out.size()) return made;
      if (ended_ && in_.empty()) {
        if (!complete()) throw Error(std::string("the ") + name() + " data are cut short");
        return 0;
      }
      if (!moved && !in_.empty()) refuse();
    }
  }

 protected:
  virtual const char* name() const = 0;
  virtual void decode(Step& step) = 0;
  /// Whether the data may end here.
  virtual bool complete() const = 0;
  [[noreturn]] void refuse() const { throw Error(std::string("the ") + name() + " data are damaged"); }

 private:
  std::unique_ptr<Peeked> source_;
  std::vector<uint8_t> input_;
  std::span<const uint8_t> in_;
  bool ended_ = false;
};

/// Goes on from `before`. zlib's own takes a sixth of the time of all that it does.
uint32_t checksum(uint32_t before, std::span<const uint8_t> bytes) {
#ifdef SQUASHFS_WITH_DEFLATE
  return libdeflate_crc32(before, bytes.data(), bytes.size());
#else
  return static_cast<uint32_t>(crc32_z(before, bytes.data(), bytes.size()));
#endif
}

/// Of one or more members (RFC 1952).
class Gzip : public Source {
 public:
  explicit Gzip(std::unique_ptr<Peeked> source) : source_(std::move(source)), bits_(*source_), inflater_(bits_) {
    begin_member();
  }

  size_t read(std::span<uint8_t> to) override {
    while (ready_.empty()) {
      ready_ = inflater_.next();
      check_ = checksum(check_, ready_);
      size_ += static_cast<uint32_t>(ready_.size());
      if (!ready_.empty()) break;
      if (!has_member_) return 0;
      end_member();
    }
    const auto part = ready_.first(std::min(to.size(), ready_.size()));
    memcpy(to.data(), part.data(), part.size());
    ready_ = ready_.subspan(part.size());
    return part.size();
  }

 private:
  enum Flag : uint8_t { kText = 1, kCheck = 2, kExtra = 4, kName = 8, kComment = 16, kUnknown = 0xe0 };

  [[noreturn]] static void refuse() { throw Error("the gzip data are damaged"); }

  uint8_t byte() {
    const auto value = static_cast<uint8_t>(bits_.take(8));
    if (bits_.is_over()) throw Error("the gzip data are cut short");
    return value;
  }

  void skip(size_t count) {
    while (count-- > 0) byte();
  }

  void begin_member() {
    constexpr uint8_t kDeflate = 8;
    // also of what follows a member: it is another one, or nothing
    if (byte() != 0x1f || byte() != 0x8b || byte() != kDeflate) refuse();
    const uint8_t flags = byte();
    if (flags & kUnknown) refuse();
    skip(6);  // time, and what made it
    if (flags & kExtra) {
      const size_t low = byte();
      skip(low | static_cast<size_t>(byte()) << 8);
    }
    for (const Flag text : {kName, kComment})
      while (flags & text && byte() != 0) continue;
    if (flags & kCheck) skip(2);
    inflater_.reset();
    check_ = size_ = 0;
    has_member_ = true;
  }

  void end_member() {
    bits_.align();
    uint32_t check = 0, size = 0;
    for (unsigned at = 0; at < 32; at += 8) check |= static_cast<uint32_t>(byte()) << at;
    for (unsigned at = 0; at < 32; at += 8) size |= static_cast<uint32_t>(byte()) << at;
    if (check != check_ || size != size_) refuse();
    bits_.align();
    has_member_ = false;
    if (!bits_.bytes().empty()) begin_member();
  }

  std::unique_ptr<Peeked> source_;
  BitReader bits_;
  Inflater inflater_;
  std::span<const uint8_t> ready_;
  bool has_member_ = false;
  uint32_t check_ = 0, size_ = 0;  // of the member's data: CRC-32, and the size modulo 2^32
};

/// Of one or more frames, skippable ones among them (RFC 8878).
class Zstd : public Decoder {
 public:
  explicit Zstd(std::unique_ptr<Peeked> source) : Decoder(std::move(source)), stream_(ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  const char* name() const override { return "zstd"; }
  bool complete() const override { return between_; }
  void decode(Step& step) override {
    if (step.in.empty() && between_) return;
    ZSTD_inBuffer in{step.in.data(), step.in.size(), 0};
    ZSTD_outBuffer out{step.out.data(), step.out.size(), 0};
    const size_t result = ZSTD_decompressStream(stream_.get(), &out, &in);
    if (ZSTD_isError(result)) refuse();
    step.in = step.in.subspan(in.pos);
    step.out = step.out.subspan(out.pos);
    between_ = result == 0;
  }

  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool between_ = false;
};

#ifdef PACK_WITH_XZ
class Xz : public Decoder {
 public:
  explicit Xz(std::unique_ptr<Peeked> source) : Decoder(std::move(source)) {
    constexpr uint64_t kMostMemory = 512 << 20;  // what `xz -9` needs is 65 MiB
    if (lzma_stream_decoder(&stream_, kMostMemory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~Xz() override { lzma_end(&stream_); }
  Xz(const Xz&) = delete;
  Xz& operator=(const Xz&) = delete;

 private:
  const char* name() const override { return "xz"; }
  bool complete() const override { return ended_; }
  void decode(Step& step) override {
    if (ended_) return;
    stream_.next_in = step.in.data();
    stream_.avail_in = step.in.size();
    stream_.next_out = step.out.data();
    stream_.avail_out = step.out.size();
    const lzma_ret result = lzma_code(&stream_, step.last ? LZMA_FINISH : LZMA_RUN);
    ended_ = result == LZMA_STREAM_END;
    if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR) refuse();
    step.in = step.in.last(stream_.avail_in);
    step.out = step.out.last(stream_.avail_out);
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};
#endif

#ifdef PACK_WITH_BZIP2
class Bzip2 : public Decoder {
 public:
  explicit Bzip2(std::unique_ptr<Peeked> source) : Decoder(std::move(source)) { begin(); }
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }
  Bzip2(const Bzip2&) = delete;
  Bzip2& operator=(const Bzip2&) = delete;

 private:
  void begin() {
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  const char* name() const override { return "bzip2"; }
  bool complete() const override { return between_; }
  void decode(Step& step) override {
    if (step.in.empty() && between_) return;
    if (between_) {
      BZ2_bzDecompressEnd(&stream_);
      stream_ = {};
      begin();
      between_ = false;
    }
    stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(step.in.data()));
    stream_.avail_in = static_cast<unsigned>(step.in.size());
    stream_.next_out = reinterpret_cast<char*>(step.out.data());
    stream_.avail_out = static_cast<unsigned>(step.out.size());
    const int result = BZ2_bzDecompress(&stream_);
    if (result != BZ_OK && result != BZ_STREAM_END) refuse();
    step.in = step.in.last(stream_.avail_in);
    step.out = step.out.last(stream_.avail_out);
    between_ = result == BZ_STREAM_END;
  }

  bz_stream stream_{};
  bool between_ = false;
};
#endif

[[maybe_unused, noreturn]] void refuse_compression(const char* name, const char* library) {
  throw Error(std::string("this ch-image-ts was built without ") + name,
              std::string("install the library (Debian: ") + library + ") and build it again");
}

}  // namespace

std::unique_ptr<Source> decompressed(Source& source) {
  auto peeked = std::make_unique<Peeked>(source);
  if (peeked->begins_with("\x1f\x8b")) return std::make_unique<Gzip>(std::move(peeked));
  // a frame, or one that is to be skipped, as in front of seekable layers
  if (peeked->begins_with("\x28\xb5\x2f\xfd") || peeked->begins_with({"\x50\x2a\x4d\x18", 4}))
    return std::make_unique<Zstd>(std::move(peeked));
  if (peeked->begins_with({"\xfd"
                           "7zXZ\0",
                           6})) {
#ifdef PACK_WITH_XZ
    return std::make_unique<Xz>(std::move(peeked));
#else
    refuse_compression("xz", "liblzma-dev");
#endif
  }
  if (peeked->begins_with("BZh")) {
#ifdef PACK_WITH_BZIP2
    return std::make_unique<Bzip2>(std::move(peeked));
#else
    refuse_compression("bzip2", "libbz2-dev");
#endif
  }
  return peeked;
}

}  // namespace chrun::pack
