// The format: https://docs.kernel.org/staging/lzo.html. A stream is a list of instructions. Each copies bytes of what
// was decoded before, or literals, which are bytes of the stream; after a copy up to three literals may follow. What
// the smallest instructions mean depends on how many literals there were before.
#include "squashfs/reader/lzo.h"

#include <algorithm>
#include <cstring>

namespace chrun::squashfs {
namespace {

constexpr size_t kFar = 16384;       // the distance from which far copies count; of exactly this one is the end
constexpr size_t kManyLiterals = 4;  // as many, or more

class Decoder {
 public:
  Decoder(std::span<const uint8_t> packed, std::span<uint8_t> plain)
      : in_(packed.data()),
        in_end_(in_ + packed.size()),
        begin_(plain.data()),
        out_(begin_),
        end_(out_ + plain.size()) {}

  size_t run() {
    if (in_<in_end_ && * in_> 17) literals(static_cast<size_t>(*in_++ - 17));
    while (is_sound_ && !is_over_) step(byte());
    return is_sound_ && in_ == in_end_ ? static_cast<size_t>(out_ - begin_) : SIZE_MAX;
  }

 private:
  void fail() { is_sound_ = false; }

  uint8_t byte() {
    if (in_ < in_end_) return *in_++;
    fail();
    return 0;
  }

  size_t pair() {
    const size_t low = byte();
    return low | static_cast<size_t>(byte()) << 8;
  }

  /// A length that is in the low bits of an instruction, if these are not zero; else it follows, zeros counting 255.
  size_t length(size_t low, size_t most) {
    if (low != 0) return low;
    size_t sum = most;
    // no block has more bytes than there is room for: what is longer fails in the copy
    while (in_ < in_end_ && *in_ == 0) {
      sum += 255;
      ++in_;
    }
    return sum + byte();
  }

  void literals(size_t count) {
    if (count > static_cast<size_t>(in_end_ - in_) || count > static_cast<size_t>(end_ - out_)) return fail();
    memcpy(out_, in_, count);
    in_ += count;
    out_ += count;
    before_ = std::min(count, kManyLiterals);
  }

  /// The two ranges may overlap: then what was copied is copied again.
  void copy(size_t distance, size_t count, size_t literals_after) {
    if (!is_sound_ || distance > static_cast<size_t>(out_ - begin_) || count > static_cast<size_t>(end_ - out_)) {
      return fail();
    }
    const uint8_t *from = out_ - distance;
    for (size_t left = count; left > 0;) {
      // doubles each time, as more of the pattern is there
      const size_t part = std::min(left, static_cast<size_t>(out_ - from));
      memcpy(out_, from, part);
      out_ += part;
      left -= part;
    }
    literals(literals_after);
  }

  void step(size_t code) {
    if (code >= 128) {
      copy((code >> 2 & 7) + (size_t{byte()} << 3) + 1, 5 + (code >> 5 & 3), code & 3);
    } else if (code >= 64) {
      copy((code >> 2 & 7) + (size_t{byte()} << 3) + 1, 3 + (code >> 5 & 1), code & 3);
    } else if (code >= 32) {
      const size_t count = 2 + length(code & 31, 31), word = pair();
      copy((word >> 2) + 1, count, word & 3);
    } else if (code >= 16) {
      far_copy(code);
    } else if (before_ == 0) {
      literals(3 + length(code, 15));
    } else {
      const bool is_many = before_ == kManyLiterals;
      copy((code >> 2) + (size_t{byte()} << 2) + (is_many ? 2049 : 1), is_many ? 3 : 2, code & 3);
    }
  }

  void far_copy(size_t code) {
    const size_t count = 2 + length(code & 7, 7), word = pair();
    const size_t distance = kFar + ((code & 8) << 11) + (word >> 2);
    if (distance == kFar) {
      is_over_ = true;
    } else {
      copy(distance, count, word & 3);
    }
  }

  const uint8_t *in_, *in_end_;
  uint8_t *begin_, *out_, *end_;
  size_t before_ = 0;  // how many literals the last instruction copied
  bool is_sound_ = true, is_over_ = false;
};

}  // namespace

size_t decode_lzo(std::span<const uint8_t> packed, std::span<uint8_t> plain) { return Decoder(packed, plain).run(); }

}  // namespace chrun::squashfs
