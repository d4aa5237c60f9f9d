#include "pack/sink.h"

#include <zstd.h>

#include <new>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "pack/gzip.h"
#include "pack/interrupt.h"

namespace chrun::pack {
namespace {

constexpr size_t kBuffer = 256 << 10;

class FileSink : public Sink {
 public:
  explicit FileSink(int file) : file_(file) {}
  void write(std::span<const uint8_t> bytes) override {
    write_all(file_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "the archive");
  }

 private:
  int file_;
};

class GzipFile : public Sink {
 public:
  GzipFile(int file, int level, unsigned threads) : file_(file), gzip_(file_, level, threads) {}
  void write(std::span<const uint8_t> bytes) override { gzip_.write(bytes); }
  void finish() override { gzip_.finish(); }

 private:
  FileSink file_;
  GzipSink gzip_;
};

class ZstdFile : public Sink {
 public:
  ZstdFile(int file, int level, unsigned threads) : file_(file), buffer_(kBuffer), context_(ZSTD_createCCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    // a library without threads says no, and compresses in this one
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers, static_cast<int>(threads));
  }

  void write(std::span<const uint8_t> bytes) override { run(bytes, ZSTD_e_continue); }
  void finish() override { run({}, ZSTD_e_end); }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  void run(std::span<const uint8_t> bytes, ZSTD_EndDirective how) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (size_t left = 1; how == ZSTD_e_end ? left > 0 : in.pos < in.size;) {
      check_signals();
      ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &out, &in, how);
      if (ZSTD_isError(left)) throw Error(std::string("can't compress the archive: ") + ZSTD_getErrorName(left));
      file_.write(std::span(buffer_).first(out.pos));
    }
  }

  FileSink file_;
  std::vector<uint8_t> buffer_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

std::unique_ptr<Sink> make_sink(int file, const Compression& compression) {
  switch (compression.kind) {
    case Compression::Kind::none:
      return std::make_unique<FileSink>(file);
    case Compression::Kind::gzip:
      return std::make_unique<GzipFile>(file, compression.level, compression.threads);
    case Compression::Kind::zstd:
      return std::make_unique<ZstdFile>(file, compression.level, compression.threads);
  }
  __builtin_unreachable();
}

}  // namespace chrun::pack
