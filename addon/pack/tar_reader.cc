#include "pack/tar_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace chrun::pack {
namespace {

constexpr size_t kBlock = 512;
constexpr uint64_t kMostText = 1 << 20;     // bytes of a long name or of extended attributes
constexpr size_t kMostParts = 1 << 20;      // of a sparse file
constexpr uint64_t kMostSize = 1ULL << 60;  // sums of sizes don't overflow
constexpr char kSparseOld = 'S';

using Block = std::span<const uint8_t>;

/// A field up to its NUL.
std::string_view field(Block header, size_t at, size_t size) {
  const std::string_view whole(reinterpret_cast<const char*>(header.data()) + at, size);
  return whole.substr(0, whole.find('\0'));
}

/// Octal digits with spaces around, or GNU's binary form; nothing where it is neither.
std::optional<int64_t> number(Block header, size_t at, size_t size) {
  const uint8_t* bytes = header.data() + at;
  if (bytes[0] & 0x80) {
    const bool negative = bytes[0] & 0x40;
    uint64_t value = negative ? ~uint64_t{0} : 0;
    for (size_t i = 0; i < size; ++i) {
      const uint8_t byte = i == 0 ? (negative ? bytes[0] : bytes[0] & 0x7f) : bytes[i];
      // what is above 64 bits must be the sign's
      if (i + 8 < size && byte != (negative ? 0xff : 0)) return {};
      value = value << 8 | byte;
    }
    if ((value >> 63) != negative) return {};
    return static_cast<int64_t>(value);
  }
  std::string_view text = field(header, at, size);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  text = text.substr(0, text.find(' '));
  if (text.empty()) return 0;
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || stop != text.data() + text.size() || value < 0) return {};
  return value;
}

template <typename Number>
std::optional<Number> decimal(std::string_view text) {
  Number value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || text.empty() || stop != text.data() + text.size()) return {};
  return value;
}

/// Seconds; a fraction is cut off, downwards.
std::optional<int64_t> seconds(std::string_view text) {
  const size_t dot = text.find('.');
  const auto whole = decimal<int64_t>(text.substr(0, dot));
  if (!whole) return {};
  const bool below = text[0] == '-' && dot != text.npos && text.find_first_not_of('0', dot + 1) != text.npos;
  return *whole - below;
}

bool is_zero(Block block) {
  return std::ranges::all_of(block, [](uint8_t byte) { return byte == 0; });
}

bool is_sound(Block header) {
  int64_t plain = 0, with_signs = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const uint8_t byte = i >= 148 && i < 156 ? ' ' : header[i];
    plain += byte;
    with_signs += static_cast<int8_t>(byte);  // as some old programs summed
  }
  const auto sum = number(header, 148, 8);
  return sum && (*sum == plain || *sum == with_signs);
}

/// ustar has a prefix of the name where GNU has other things.
std::string name_of(Block header) {
  const std::string name(field(header, 0, 100));
  const std::string_view prefix = field(header, 345, 155);
  const bool posix = memcmp(header.data() + 257, "ustar\0", 6) == 0;
  return posix && !prefix.empty() ? std::string(prefix) + "/" + name : name;
}

}  // namespace

/// What extended headers say of the next entry.
struct TarReader::Records {
  std::optional<std::string> name, target, sparse_name;
  std::optional<uint64_t> size, real_size;
  std::optional<int64_t> mtime;
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::vector<uint64_t> sparse;  // pairs of offset and size
  bool sparse_map_in_content = false, is_sparse = false;
};

TarReader::TarReader(Source& source, bool needs_end) : source_(source), needs_end_(needs_end), buffer_(256 << 10) {}

void TarReader::refuse(const std::string& what) const {
  throw Error(name_.empty() ? "at byte " + std::to_string(position_) + ": " + what : visible(name_) + ": " + what);
}

/// False at the end of the archive, where nothing at all is left.
bool TarReader::fill(std::span<uint8_t> to) {
  constexpr size_t kMuch = 32 << 10;  // is read to where it is wanted, not copied
  size_t done = 0;
  while (done < to.size()) {
    const auto rest = to.subspan(done);
    const bool direct = at_ == end_ && rest.size() >= kMuch;
    if (at_ == end_ && !direct) {
      at_ = 0;
      end_ = source_.read(buffer_);
    }
    const size_t part = direct ? source_.read(rest) : std::min(rest.size(), end_ - at_);
    if (part == 0 && done == 0) return false;
    if (part == 0) refuse("the archive is cut short");
    if (!direct) {
      memcpy(rest.data(), buffer_.data() + at_, part);
      at_ += part;
    }
    done += part;
    position_ += part;
  }
  return true;
}

void TarReader::take(std::span<uint8_t> to) {
  if (!to.empty() && !fill(to)) refuse("the archive is cut short");
}

void TarReader::skip(uint64_t size) {
  if (!skip_some(size)) refuse("the archive is cut short");
}

/// False where the archive ends before.
bool TarReader::skip_some(uint64_t size) {
  while (size > 0) {
    if (at_ == end_) {
      at_ = 0;
      end_ = source_.read(buffer_);
      if (end_ == 0) return false;
    }
    const size_t part = std::min<uint64_t>(size, end_ - at_);
    at_ += part;
    position_ += part;
    size -= part;
  }
  return true;
}

/// False at the end.
bool TarReader::take_header(std::span<uint8_t> header) {
  name_.clear();
  if (!fill(header)) {
    if (needs_end_) refuse("the archive is cut short: its end mark is missing");
    return false;
  }
  if (is_zero(header)) return false;
  if (!is_sound(header)) refuse("no tar header: its checksum is wrong");
  return true;
}

std::string TarReader::take_text(uint64_t size, const char* what) {
  if (size > kMostText) refuse(std::string(what) + " of " + std::to_string(size) + " bytes");
  std::string text(size, '\0');
  take({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  skip((kBlock - size % kBlock) % kBlock);
  return text;
}

/// LENGTH KEY=VALUE\n, LENGTH counting all of it.
void TarReader::parse_records(const std::string& text, Records& records) const {
  const auto wanted = [&](auto value, std::string_view key) {
    if (!value) refuse("the extended header has no sound " + std::string(key));
    return *value;
  };
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t space = rest.find(' ');
    const auto length = decimal<size_t>(rest.substr(0, space));
    if (!length || space == rest.npos || *length <= space + 1 || *length > rest.size() || rest[*length - 1] != '\n')
      refuse("the extended header is damaged");
    const std::string_view record = rest.substr(space + 1, *length - space - 2);
    rest.remove_prefix(*length);
    const size_t equals = record.find('=');
    if (equals == record.npos) refuse("the extended header is damaged");
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    constexpr std::string_view kXattr = "SCHILY.xattr.";
    if (key == "path") records.name = value;
    if (key == "linkpath") records.target = value;
    if (key == "size") records.size = wanted(decimal<uint64_t>(value), key);
    if (key == "mtime") records.mtime = wanted(seconds(value), key);
    if (key.starts_with(kXattr)) records.xattrs.emplace_back(key.substr(kXattr.size()), value);
    if (key == "GNU.sparse.name") records.sparse_name = value;
    if (key == "GNU.sparse.size" || key == "GNU.sparse.realsize")
      records.real_size = wanted(decimal<uint64_t>(value), key);
    if (key == "GNU.sparse.major") records.sparse_map_in_content = value == "1";
    if (key.starts_with("GNU.sparse.")) records.is_sparse = true;
    if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
      if (records.sparse.size() >= 2 * kMostParts) refuse("too many parts of a sparse file");
      records.sparse.push_back(wanted(decimal<uint64_t>(value), key));
    }
    if (key == "GNU.sparse.map") {
      std::string_view numbers = value;
      while (!numbers.empty()) {
        const size_t comma = std::min(numbers.find(','), numbers.size());
        records.sparse.push_back(wanted(decimal<uint64_t>(numbers.substr(0, comma)), key));
        numbers.remove_prefix(std::min(comma + 1, numbers.size()));
      }
    }
  }
}

std::optional<TarEntry> TarReader::next() {
  skip(stored_);
  // umoci leaves out what would fill the last block
  if (!skip_some(padding_) && needs_end_) refuse("the archive is cut short");
  stored_ = padding_ = 0;
  Records records;
  uint8_t header[kBlock];
  while (take_header(header)) {
    const auto size = number(header, 124, 12);
    if (!size || *size < 0) refuse("no sound size");
    const auto length = static_cast<uint64_t>(*size);
    const char type = static_cast<char>(header[156]);
    if (type == 'L' || type == 'K') {
      std::string text = take_text(length, "a name");
      text.resize(std::min(text.find('\0'), text.size()));
      (type == 'L' ? records.name : records.target) = std::move(text);
    } else if (type == 'x' || type == 'X') {
      parse_records(take_text(length, "an extended header"), records);
    } else if (type == 'g') {
      // such as git's comments; one that names every file is a trap
      Records all;
      parse_records(take_text(length, "an extended header"), all);
      if (all.name || all.target || all.size || all.is_sparse)
        refuse("an extended header for all entries sets names or sizes");
    } else {
      return entry_of(header, records);
    }
  }
  return {};
}

std::optional<TarEntry> TarReader::entry_of(std::span<const uint8_t> header, Records& records) {
  TarEntry entry{};
  entry.name = records.name ? *records.name : name_of(header);
  if (records.sparse_name) entry.name = *records.sparse_name;
  name_ = entry.name;
  entry.target = records.target ? *records.target : std::string(field(header, 157, 100));
  const auto mode = number(header, 100, 8), mtime = number(header, 136, 12), size = number(header, 124, 12);
  if (!mode || !mtime || !size || *size < 0) refuse("no sound mode, time or size");
  entry.mode = static_cast<uint16_t>(*mode & 07777);
  entry.mtime = records.mtime.value_or(*mtime);
  entry.size = records.size.value_or(static_cast<uint64_t>(*size));
  if (entry.size > kMostSize) refuse("a size of " + std::to_string(entry.size) + " bytes");
  entry.xattrs = std::move(records.xattrs);
  for (const std::string* text : {&entry.name, &entry.target})
    if (text->find('\0') != text->npos) refuse("a NUL in a name");
  using Kind = TarEntry::Kind;
  const char type = static_cast<char>(header[156]);
  switch (type) {
    case '\0':
    case '0':
    case '7':  // contiguous
      // V7 has no other mark of a directory
      entry.kind = entry.name.ends_with('/') ? Kind::directory : Kind::file;
      break;
    case kSparseOld:
      entry.kind = Kind::file;
      break;
    case '1':
      entry.kind = Kind::hard_link;
      break;
    case '2':
      entry.kind = Kind::symlink;
      break;
    case '3':
    case '4':
      entry.kind = Kind::device;
      break;
    case '5':
      entry.kind = Kind::directory;
      break;
    case '6':
      entry.kind = Kind::fifo;
      break;
    default:
      refuse(std::string("an entry of the unknown type '") + visible({&type, 1}) + "'");
  }
  // whatever size the others have, no content of theirs follows (POSIX, pax: only for a hard link it may, and none
  // does)
  stored_ = entry.kind == Kind::file ? entry.size : 0;
  padding_ = (kBlock - stored_ % kBlock) % kBlock;
  entry.position = position_;
  parts_.clear();
  part_ = 0;
  logical_ = 0;
  if (entry.kind == Kind::file && (type == kSparseOld || records.is_sparse)) begin_sparse(header, records, entry);
  if (entry.kind != Kind::file) entry.size = 0;
  size_ = entry.size;
  return entry;
}

void TarReader::begin_sparse(std::span<const uint8_t> header, const Records& records, TarEntry& entry) {
  if (static_cast<char>(header[156]) == kSparseOld) {
    const auto real = number(header, 483, 12);
    if (!real || *real < 0) refuse("no sound size of a sparse file");
    entry.size = static_cast<uint64_t>(*real);
    read_old_sparse_map(header);
  } else {
    if (!records.real_size) refuse("no size of a sparse file");
    entry.size = *records.real_size;
    if (records.sparse_map_in_content) {
      read_text_sparse_map();
    } else {
      if (records.sparse.size() % 2) refuse("the map of a sparse file is damaged");
      for (size_t i = 0; i < records.sparse.size(); i += 2)
        parts_.push_back({records.sparse[i], records.sparse[i + 1]});
    }
  }
  check_sparse_map(entry.size);
}

void TarReader::read_old_sparse_map(std::span<const uint8_t> header) {
  const auto add = [&](std::span<const uint8_t> block, size_t at, int count) {
    for (int i = 0; i < count; ++i) {
      const auto offset = number(block, at + 24 * i, 12), size = number(block, at + 24 * i + 12, 12);
      if (!offset || !size || *offset < 0 || *size < 0) refuse("the map of a sparse file is damaged");
      if (*size > 0) parts_.push_back({static_cast<uint64_t>(*offset), static_cast<uint64_t>(*size)});
    }
  };
  add(header, 386, 4);
  uint8_t block[kBlock];
  bool more = header[482] != 0;
  while (more) {
    take(block);
    add(block, 0, 21);
    more = block[504] != 0;
    if (parts_.size() > kMostParts) refuse("too many parts of a sparse file");
  }
}

/// Decimal numbers, one a line, before the content.
void TarReader::read_text_sparse_map() {
  std::string text;
  size_t at = 0;
  const auto line = [&] {
    for (;;) {
      const size_t end = text.find('\n', at);
      if (end != text.npos) {
        const auto value = decimal<uint64_t>(std::string_view(text).substr(at, end - at));
        if (!value) refuse("the map of a sparse file is damaged");
        at = end + 1;
        return *value;
      }
      if (stored_ < kBlock || text.size() - at > 32) refuse("the map of a sparse file is damaged");
      text.erase(0, at);
      at = 0;
      const size_t before = text.size();
      text.resize(before + kBlock);
      take({reinterpret_cast<uint8_t*>(text.data()) + before, kBlock});
      stored_ -= kBlock;
    }
  };
  const uint64_t count = line();
  if (count > kMostParts) refuse("too many parts of a sparse file");
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = line();
    parts_.push_back({offset, line()});
  }
}

void TarReader::check_sparse_map(uint64_t size) const {
  if (size > kMostSize) refuse("a size of " + std::to_string(size) + " bytes");
  uint64_t end = 0, sum = 0;
  for (const Part& part : parts_) {
    if (part.offset < end || part.offset > size || part.size > size - part.offset)
      refuse("the map of a sparse file is damaged");
    end = part.offset + part.size;
    sum += part.size;
  }
  if (sum != stored_) refuse("the map of a sparse file does not fit its content");
}

size_t TarReader::read(std::span<uint8_t> to) {
  const size_t wanted = std::min<uint64_t>(to.size(), size_ - logical_);
  for (size_t done = 0; done < wanted;) {
    uint64_t size = wanted - done;
    bool hole = false;
    if (!parts_.empty() || stored_ == 0) {
      while (part_ < parts_.size() && logical_ >= parts_[part_].offset + parts_[part_].size) ++part_;
      hole = part_ == parts_.size() || logical_ < parts_[part_].offset;
      const uint64_t end = part_ == parts_.size() ? size_
                           : hole                 ? parts_[part_].offset
                                                  : parts_[part_].offset + parts_[part_].size;
      size = std::min(size, end - logical_);
    }
    if (hole) {
      memset(to.data() + done, 0, size);
    } else {
      take(to.subspan(done, size));
      stored_ -= size;
    }
    done += size;
    logical_ += size;
  }
  return wanted;
}

void TarReader::finish() {
  while (source_.read(buffer_) > 0) {
  }
}

}  // namespace chrun::pack
