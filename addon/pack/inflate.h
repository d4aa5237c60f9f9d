// Decompresses deflate (RFC 1951) as it comes: twice as fast as zlib, because it reads as much ahead as it likes, and
// writes into a window of its own.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pack/source.h"

namespace chrun::pack {

/// An entry of a decoding table: how many bits the code takes, with the extra bits that follow it (bits 0 to 5) and
/// without them (8 to 11); what it is (12 to 15); and a byte, the least length or distance, or where a table for longer
/// codes begins (16 to 31).
using Code = uint32_t;

/// The next bits of a stream, the lowest of a byte first; what is above `count` is not valid yet.
struct Bits {
  uint64_t bits = 0;
  unsigned count = 0;
  const uint8_t* next = nullptr;  // what is not loaded

  /// At least 56 bits; 8 bytes can be read.
  void load();
  uint64_t peek(unsigned wanted) const { return bits & ((uint64_t{1} << wanted) - 1); }
  void drop(unsigned used) {
    bits >>= used;
    count -= used;
  }
};

/// A stream of bits from a source; zeros follow its end.
class BitReader {
 public:
  explicit BitReader(Source& source);

  /// A copy of these two is worked on, and put back.
  Bits now{};
  /// From where two loads are possible, at most.
  const uint8_t* last() const { return last_; }
  /// Reads until they are. Throws Error at the end.
  void make_room();

  /// At most 32 bits, as a number.
  uint32_t take(unsigned count);
  /// Goes on with the next whole byte.
  void align();
  /// Whole bytes that are there, after align(); none at the end of input.
  std::span<const uint8_t> bytes();
  /// More was taken than there is.
  bool is_over() const { return ended_ && now.next - now.count / 8 > end_; }

 private:
  void read_more();
  void put_back();
  uint8_t* start() { return buffer_.data() + kPadding; }

  static constexpr size_t kPadding = 64;
  Source& source_;
  std::vector<uint8_t> buffer_;
  const uint8_t* end_;
  const uint8_t* last_;
  bool ended_ = false;
};

class Inflater {
 public:
  explicit Inflater(BitReader& input);

  /// Begins another stream.
  void reset();
  /// Some bytes more, valid until the next call; none at the end. Throws Error if the data are damaged or cut short.
  std::span<const uint8_t> next();

 private:
  enum class Part : uint8_t { header, stored, codes, end };

  void slide();
  void begin_block();
  void begin_stored();
  void read_codes();
  void use_fixed_codes();
  void copy_stored();
  void decode();
  bool decode_symbols();
#ifdef __x86_64__
  bool decode_by_new_instructions();
#endif
  void check_end() const;

  BitReader& input_;
  std::vector<uint8_t> window_;
  uint8_t* begin_;  // of what a distance may lead to
  uint8_t* made_;   // the end of what there is
  Part part_ = Part::header;
  bool is_last_ = false;  // block
  size_t left_ = 0;       // of a stored block
  std::vector<Code> lengths_, distances_;
};

}  // namespace chrun::pack
