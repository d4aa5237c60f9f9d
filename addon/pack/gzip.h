// gzip, by several threads. The bytes are the same with any number of them.
#pragma once
#include <string>
#include <vector>

#include "pack/sink.h"

namespace chrun::pack {

class GzipSink : public Sink {
 public:
  GzipSink(Sink& to, int level, unsigned threads);
  void write(std::span<const uint8_t> bytes) override;
  void finish() override;

 private:
  struct Part {
    std::vector<uint8_t> plain, packed;
    bool failed = false;
  };
  void compress(Part& part) const;
  void flush();

  Sink& to_;
  const int level_;
  std::vector<Part> parts_;
  size_t filling_ = 0;  // the part that is being filled; those before are full
  bool empty_ = true;   // nothing is written yet
};

struct Compressed {
  std::string digest;  // SHA-256
  uint64_t size;
};

/// Compresses all that can be read from `input` to `output`.
Compressed gzip(int input, int output, unsigned threads);

}  // namespace chrun::pack
