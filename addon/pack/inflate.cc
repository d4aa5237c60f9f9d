#include "pack/inflate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace chrun::pack {
namespace {

constexpr size_t kInput = 128 << 10;
constexpr size_t kHistory = 32 << 10, kOutput = 192 << 10;
constexpr size_t kLongest = 258;
constexpr size_t kSlack = 64;  // copies are made in words, and literals in pairs
constexpr unsigned kMostBits = 15;
constexpr unsigned kLengthBits = 11, kDistanceBits = 8, kOrderBits = 7;  // of codes that one look-up decodes

constexpr Code kLiteral = 0x8000, kLonger = 0x4000, kEnd = 0x2000, kWrong = 0x1000;

constexpr unsigned total_of(Code code) { return code & 63; }
constexpr unsigned bits_of(Code code) { return code >> 8 & 15; }
constexpr unsigned value_of(Code code) { return code >> 16; }
/// Of a code whose bits come next: what it stands for, with the extra bits. They are dropped.
size_t number_of(Code code, Bits& now) {
  const uint64_t extra = now.peek(total_of(code)) >> bits_of(code);
  now.drop(total_of(code));
  return value_of(code) + static_cast<size_t>(extra);
}

[[noreturn]] void refuse() { throw Error("the gzip data are damaged"); }
[[noreturn]] void refuse_end() { throw Error("the gzip data are cut short"); }

/// What a symbol means: flags, least value and number of extra bits.
struct Meaning {
  Code flags = kWrong;
  unsigned value = 0, extra = 0;
};

template <size_t Count>
constexpr void add_ranges(std::array<Meaning, Count>& table, size_t first, unsigned from, unsigned plain,
                          unsigned every) {
  for (size_t at = first; at < Count; at++) {
    const unsigned step = static_cast<unsigned>(at - first), extra = step < plain ? 0 : (step - plain) / every + 1;
    table[at] = {0, from, extra};
    from += 1u << extra;
  }
}

constexpr auto kLengths = [] {
  std::array<Meaning, 288> table{};
  std::array<Meaning, 285> lengths{};
  for (unsigned byte = 0; byte < 256; byte++) table[byte] = {kLiteral, byte, 0};
  table[256] = {kEnd, 0, 0};
  add_ranges(lengths, 257, 3, 8, 4);
  for (size_t at = 257; at < 285; at++) table[at] = lengths[at];
  table[285] = {0, kLongest, 0};
  return table;
}();
constexpr auto kDistances = [] {
  std::array<Meaning, 32> table{};
  std::array<Meaning, 30> distances{};
  add_ranges(distances, 0, 1, 4, 2);
  for (size_t at = 0; at < 30; at++) table[at] = distances[at];
  return table;
}();
constexpr auto kOrder = [] {
  std::array<Meaning, 19> table{};
  for (unsigned at = 0; at < 19; at++) table[at] = {0, at, 0};
  return table;
}();

unsigned reversed(unsigned code, unsigned count) {
  unsigned result = 0;
  for (unsigned at = 0; at < count; at++) result |= (code >> at & 1) << (count - 1 - at);
  return result;
}

/// May a code leave some words unused? Only one of a single word, or of none.
enum class Gaps { none, of_one };

/// The decoding table for code words of these lengths, 0 for none, by RFC 1951, 3.2.2; `direct` bits decode at once.
class TableMaker {
 public:
  TableMaker(std::span<const uint8_t> lengths, std::span<const Meaning> meanings, unsigned direct)
      : lengths_(lengths), meanings_(meanings), direct_(direct) {
    for (const uint8_t length : lengths) counts_[length]++;
    counts_[0] = 0;
  }

  void make(std::vector<Code>& table, Gaps gaps) {
    check(gaps);
    table.assign(size_t{1} << direct_, kWrong | (1 << 8) | 1);
    std::array<unsigned, kMostBits + 2> next{};
    for (unsigned length = 1; length <= kMostBits; length++) next[length + 1] = (next[length] + counts_[length]) << 1;
    // longer tables are made for the first word of each, which are in the order of lengths
    for (const uint16_t symbol : sorted()) {
      const unsigned length = lengths_[symbol];
      enter(table, reversed(next[length]++, length), length, meanings_[symbol]);
    }
  }

 private:
  /// The symbols that have words, by their lengths.
  std::span<const uint16_t> sorted() {
    std::array<unsigned, kMostBits + 2> place{};
    for (unsigned length = 1; length <= kMostBits; length++) place[length + 1] = place[length] + counts_[length];
    for (size_t symbol = 0; symbol < lengths_.size(); symbol++)
      if (lengths_[symbol] != 0) symbols_[place[lengths_[symbol]]++] = static_cast<uint16_t>(symbol);
    return std::span(symbols_).first(place[kMostBits]);
  }

  void check(Gaps gaps) {
    int free = 1;
    unsigned words = 0;
    for (unsigned length = 1; length <= kMostBits; length++) {
      free = free * 2 - static_cast<int>(counts_[length]);
      words += counts_[length];
      if (free < 0) refuse();
    }
    if (free > 0 && (gaps == Gaps::none || words > 1 || counts_[1] != words)) refuse();
  }

  /// `word` is reversed: as its bits come.
  void enter(std::vector<Code>& table, unsigned word, unsigned length, const Meaning& meaning) const {
    const auto code = [&](unsigned bits) {
      return meaning.flags | bits << 8 | (bits + meaning.extra) | meaning.value << 16;
    };
    if (length <= direct_) {
      for (size_t at = word; at < size_t{1} << direct_; at += size_t{1} << length) table[at] = code(length);
      return;
    }
    const size_t first = word & ((1u << direct_) - 1);
    if (!(table[first] & kLonger)) {
      const unsigned more = bits_below(length);
      table[first] = kLonger | more << 8 | direct_ | static_cast<Code>(table.size()) << 16;
      table.resize(table.size() + (size_t{1} << more), kWrong | (1 << 8) | 1);
    }
    const size_t start = value_of(table[first]), size = size_t{1} << bits_of(table[first]);
    for (size_t at = word >> direct_; at < size; at += size_t{1} << (length - direct_))
      table[start + at] = code(length - direct_);
  }

  /// Enough for all words that begin as the next one does, of this length: longer ones fill what shorter ones leave.
  unsigned bits_below(unsigned length) const {
    unsigned longest = kMostBits;
    while (longest > length && counts_[longest] == 0) longest--;
    return longest - direct_;
  }

  std::span<const uint8_t> lengths_;
  std::span<const Meaning> meanings_;
  unsigned direct_;
  std::array<unsigned, kMostBits + 1> counts_{};
  std::array<uint16_t, 288> symbols_{};
};

uint64_t load_word(const uint8_t* from) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

void copy_word(uint8_t* to, const uint8_t* from) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  memcpy(to, &word, sizeof word);
}

/// What was written `distance` bytes ago, again; some bytes more than that may be written.
[[gnu::always_inline]] inline uint8_t* repeat(uint8_t* to, size_t distance, size_t length) {
  uint8_t* const end = to + length;
  const uint8_t* from = to - distance;
  if (distance >= 8) {
    copy_word(to, from);
    copy_word(to + 8, from + 8);
    for (size_t at = 16; at < length; at += 8) copy_word(to + at, from + at);
  } else if (distance == 1) {
    memset(to, *from, length);
  } else {
    while (to < end) *to++ = *from++;
  }
  return end;
}

}  // namespace

inline void Bits::load() {
  bits |= load_word(next) << count;
  next += (63 - count) >> 3;
  count |= 56;
}

BitReader::BitReader(Source& source) : source_(source), buffer_(kInput + 2 * kPadding) {
  last_ = start();
  now.next = end_ = start() + 1;
}

/// Bytes that are whole in `now`.
void BitReader::put_back() {
  now.next -= now.count / 8;
  now.count %= 8;
  now.bits = now.peek(now.count);
}

void BitReader::read_more() {
  if (ended_) refuse_end();
  put_back();
  const size_t kept = static_cast<size_t>(end_ - now.next);
  memmove(start(), now.next, kept);
  const size_t got = source_.read(std::span(start() + kept, kInput - kept));
  ended_ = got == 0;
  now.next = start();
  end_ = start() + kept + got;
  memset(start() + kept + got, 0, kPadding);
  // reading the zeros after the end is noticed later
  last_ = end_ + (ended_ ? kPadding : 0) - 2 * sizeof now.bits;
}

void BitReader::make_room() {
  while (now.next > last_) read_more();
}

uint32_t BitReader::take(unsigned count) {
  if (now.count < count) {
    make_room();
    now.load();
  }
  const auto value = static_cast<uint32_t>(now.peek(count));
  now.drop(count);
  return value;
}

void BitReader::align() {
  now.drop(now.count % 8);
  put_back();
}

std::span<const uint8_t> BitReader::bytes() {
  while (now.next >= end_ && !ended_) read_more();
  return now.next < end_ ? std::span(now.next, end_) : std::span<const uint8_t>();
}

Inflater::Inflater(BitReader& input)
    : input_(input), window_(kHistory + kOutput + kLongest + kSlack), begin_(window_.data()), made_(window_.data()) {}

void Inflater::reset() {
  part_ = Part::header;
  begin_ = made_;
}

/// So that there is room after the last bytes that a distance can lead to.
void Inflater::slide() {
  const size_t kept = std::min<size_t>(static_cast<size_t>(made_ - begin_), kHistory);
  memmove(window_.data(), made_ - kept, kept);
  begin_ = window_.data();
  made_ = begin_ + kept;
}

std::span<const uint8_t> Inflater::next() {
  slide();
  uint8_t* const start = made_;
  while (made_ == start && part_ != Part::end) {
    if (part_ == Part::header) begin_block();
    if (part_ == Part::stored) copy_stored();
    if (part_ == Part::codes) decode();
  }
  return {start, made_};
}

void Inflater::check_end() const {
  if (input_.is_over()) refuse_end();
}

void Inflater::begin_block() {
  is_last_ = input_.take(1);
  switch (input_.take(2)) {
    case 0:
      return begin_stored();
    case 1:
      use_fixed_codes();
      break;
    case 2:
      read_codes();
      break;
    default:
      refuse();
  }
  check_end();
  part_ = Part::codes;
}

void Inflater::begin_stored() {
  input_.align();
  const uint32_t size = input_.take(16), inverted = input_.take(16);
  check_end();
  if ((size ^ inverted) != 0xffff) refuse();
  input_.align();
  left_ = size;
  part_ = Part::stored;
}

void Inflater::copy_stored() {
  const auto found = left_ > 0 ? input_.bytes() : std::span<const uint8_t>();
  if (left_ > 0 && found.empty()) refuse_end();
  const size_t room = static_cast<size_t>(window_.data() + kHistory + kOutput - made_);
  const size_t part = std::min({left_, found.size(), room});
  if (part > 0) memcpy(made_, found.data(), part);
  made_ += part;
  input_.now.next += part;
  left_ -= part;
  if (left_ == 0) part_ = is_last_ ? Part::end : Part::header;
}

void Inflater::use_fixed_codes() {
  std::array<uint8_t, 288> lengths;
  std::fill(lengths.begin(), lengths.begin() + 144, 8);
  std::fill(lengths.begin() + 144, lengths.begin() + 256, 9);
  std::fill(lengths.begin() + 256, lengths.begin() + 280, 7);
  std::fill(lengths.begin() + 280, lengths.end(), 8);
  TableMaker(lengths, kLengths, kLengthBits).make(lengths_, Gaps::none);
  std::array<uint8_t, 32> distances;
  distances.fill(5);
  TableMaker(distances, kDistances, kDistanceBits).make(distances_, Gaps::none);
}

void Inflater::read_codes() {
  constexpr uint8_t kPlaces[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  const size_t lengths = input_.take(5) + 257, distances = input_.take(5) + 1, orders = input_.take(4) + 4;
  if (lengths > 286 || distances > 30) refuse();
  std::array<uint8_t, 19> order{};
  for (size_t at = 0; at < orders; at++) order[kPlaces[at]] = static_cast<uint8_t>(input_.take(3));
  std::vector<Code> table;
  TableMaker(order, kOrder, kOrderBits).make(table, Gaps::none);
  std::array<uint8_t, 286 + 30> all{};
  for (size_t at = 0; at < lengths + distances;) {
    input_.make_room();
    input_.now.load();
    const Code code = table[input_.now.peek(kOrderBits)];
    input_.now.drop(total_of(code));
    const unsigned symbol = value_of(code);
    if (symbol < 16) {
      all[at++] = static_cast<uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && at == 0) refuse();
    const uint8_t length = symbol == 16 ? all[at - 1] : 0;
    const size_t times = symbol == 16 ? 3 + input_.take(2) : symbol == 17 ? 3 + input_.take(3) : 11 + input_.take(7);
    if (times > lengths + distances - at) refuse();
    std::fill_n(all.begin() + static_cast<ptrdiff_t>(at), times, length);
    at += times;
  }
  if (all[256] == 0) refuse();
  const std::span<const uint8_t> both(all);
  TableMaker(both.first(lengths), kLengths, kLengthBits).make(lengths_, Gaps::of_one);
  TableMaker(both.subspan(lengths, distances), kDistances, kDistanceBits).make(distances_, Gaps::of_one);
}

/// Until the window is full, or the block ends, which is true then. Of what is loaded at a time, 56 bits, two literals
/// take at most 22 with one look-up each, and a length with its distance 48. The next code is looked up before what is
/// known is copied: the processor does both at once.
[[gnu::always_inline]] inline bool Inflater::decode_symbols() {
  const uint8_t* const full = window_.data() + kHistory + kOutput;
  // in variables of its own, that what is written can't be
  const Code* const lengths = lengths_.data();
  const Code* const distances = distances_.data();
  const uint8_t* const begin = begin_;
  const uint8_t* last = input_.last();
  Bits now = input_.now;
  uint8_t* out = made_;
  const auto look_up = [&] {
    if (now.next > last) [[unlikely]] {
      input_.now = now;
      input_.make_room();
      now = input_.now;
      last = input_.last();
    }
    now.load();
    return lengths[now.peek(kLengthBits)];
  };
  bool ended = false;
  Code code = look_up();
  while (out < full) {
    if (code & kLiteral) {
      now.drop(total_of(code));
      *out++ = static_cast<uint8_t>(value_of(code));
      code = lengths[now.peek(kLengthBits)];
      if (code & kLiteral) {
        now.drop(total_of(code));
        *out++ = static_cast<uint8_t>(value_of(code));
        code = lengths[now.peek(kLengthBits)];
      }
      now.load();
    }
    if (code & kLonger) {
      now.drop(kLengthBits);
      code = lengths[value_of(code) + now.peek(bits_of(code))];
    }
    if (code & kLiteral) {
      now.drop(total_of(code));
      *out++ = static_cast<uint8_t>(value_of(code));
      code = look_up();
      continue;
    }
    if (code & (kEnd | kWrong)) [[unlikely]] {
      if (code & kWrong) refuse();
      now.drop(total_of(code));
      ended = true;
      break;
    }
    const size_t length = number_of(code, now);
    code = distances[now.peek(kDistanceBits)];
    if (code & kLonger) {
      now.drop(kDistanceBits);
      code = distances[value_of(code) + now.peek(bits_of(code))];
    }
    if (code & kWrong) [[unlikely]]
      refuse();
    const size_t distance = number_of(code, now);
    if (distance > static_cast<size_t>(out - begin)) [[unlikely]]
      refuse();
    code = look_up();
    out = repeat(out, distance, length);
  }
  input_.now = now;
  made_ = out;
  return ended;
}

#ifdef __x86_64__
// shifts and masks by variable counts take half the instructions
[[gnu::target("bmi,bmi2")]] bool Inflater::decode_by_new_instructions() { return decode_symbols(); }
#endif

void Inflater::decode() {
#ifdef __x86_64__
  static const bool has_them = __builtin_cpu_supports("bmi2");
  if (!(has_them ? decode_by_new_instructions() : decode_symbols())) return;
#else
  if (!decode_symbols()) return;
#endif
  check_end();
  part_ = is_last_ ? Part::end : Part::header;
}

}  // namespace chrun::pack
