#include "pack/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.h"
#ifdef SQUASHFS_WITH_DEFLATE
#include <libdeflate.h>
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
class Gzip : public Decoder {
 public:
  explicit Gzip(std::unique_ptr<Peeked> source) : Decoder(std::move(source)) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

 private:
  enum class Part { header, extra_size, extra, name, comment, header_check, data, trailer };
  enum Flag : uint8_t { kText = 1, kCheck = 2, kExtra = 4, kName = 8, kComment = 16, kUnknown = 0xe0 };

  const char* name() const override { return "gzip"; }
  /// Between two members.
  bool complete() const override { return part_ == Part::header && held_ == 0; }

  void decode(Step& step) override {
    while (part_ != Part::data && !step.in.empty()) {
      take(step.in[0]);
      step.in = step.in.subspan(1);
    }
    if (part_ == Part::data) inflate_some(step);
  }

  void take(uint8_t byte) {
    switch (part_) {
      case Part::header:
        field_[held_++] = byte;
        // also of what follows a member: it is another one, or nothing
        if ((held_ == 1 && byte != 0x1f) || (held_ == 2 && byte != 0x8b)) refuse();
        if (held_ == 10) begin_member();
        return;
      case Part::extra_size:
        field_[held_++] = byte;
        if (held_ < 2) return;
        left_ = field_[0] | field_[1] << 8;
        part_ = Part::extra;
        if (left_ == 0) next_part();
        return;
      case Part::extra:
        if (--left_ == 0) next_part();
        return;
      case Part::name:
      case Part::comment:
        if (byte == 0) next_part();
        return;
      case Part::header_check:
        if (++held_ == 2) next_part();
        return;
      case Part::trailer:
        field_[held_++] = byte;
        if (held_ == 8) end_member();
        return;
      case Part::data:
        return;
    }
  }

  void begin_member() {
    constexpr uint8_t kDeflate = 8;
    if (field_[2] != kDeflate || field_[3] & kUnknown) refuse();
    flags_ = field_[3];
    next_part();
  }

  /// The first that the header's flags still announce, or else the data.
  void next_part() {
    held_ = 0;
    constexpr std::pair<Flag, Part> kOptional[] = {
        {kExtra, Part::extra_size}, {kName, Part::name}, {kComment, Part::comment}, {kCheck, Part::header_check}};
    for (const auto& [flag, part] : kOptional) {
      if (!(flags_ & flag)) continue;
      flags_ &= static_cast<uint8_t>(~flag);
      part_ = part;
      return;
    }
    if (inflateReset(&stream_) != Z_OK) refuse();
    part_ = Part::data;
    check_ = size_ = 0;
  }

  void inflate_some(Step& step) {
    stream_.next_in = const_cast<uint8_t*>(step.in.data());
    stream_.avail_in = static_cast<uInt>(step.in.size());
    stream_.next_out = step.out.data();
    stream_.avail_out = static_cast<uInt>(step.out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) refuse();
    const auto made = step.out.first(step.out.size() - stream_.avail_out);
    check_ = checksum(check_, made);
    size_ += static_cast<uint32_t>(made.size());
    step.in = step.in.last(stream_.avail_in);
    step.out = step.out.last(stream_.avail_out);
    if (result == Z_STREAM_END) part_ = Part::trailer;
  }

  void end_member() {
    uint32_t check, size;
    memcpy(&check, field_, sizeof check);
    memcpy(&size, field_ + sizeof check, sizeof size);
    if (check != check_ || size != size_) refuse();
    part_ = Part::header;
    held_ = 0;
  }

  z_stream stream_{};
  Part part_ = Part::header;
  uint8_t field_[10]{};
  size_t held_ = 0;
  unsigned left_ = 0;
  uint8_t flags_ = 0;
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
