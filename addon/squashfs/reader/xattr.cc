#include "squashfs/reader/xattr.h"

#include <array>

#include "squashfs/reader/work.h"

namespace chrun::squashfs {
namespace {

constexpr uint16_t kElsewhere = 0x100;  // the value is a reference to where it lies
constexpr uint32_t kIdSize = 16;
constexpr uint32_t kIdsPerBlock = kMetadataSize / kIdSize;
constexpr uint16_t kMostName = 256;
constexpr uint32_t kMostBlocks = 1024;  // of metadata for all xattrs of one file

}  // namespace

struct Xattrs::Span {
  Reference start;
  uint32_t count;
};

struct Xattrs::Entry {
  std::string name;  // empty: of a kind that we don't know
  bool elsewhere;
};

Xattrs::Xattrs(const Metadata& metadata) : metadata_(metadata) {
  const Superblock& super = metadata.image().super();
  if (super.xattr_table == kNoTable) return;
  std::array<uint8_t, 16> raw;
  metadata.image().read(super.xattr_table, raw);
  pairs_ = load<uint64_t>(raw.data());
  count_ = load<uint32_t>(raw.data() + 8);
  const uint64_t index_end = super.xattr_table + 16 + (uint64_t{count_} + kIdsPerBlock - 1) / kIdsPerBlock * 8;
  if (count_ > 0 && (pairs_ >= super.bytes_used || index_end > super.bytes_used)) {
    damaged("the xattr table is outside the image");
  }
}

void Xattrs::damaged(const char* what) const {
  throw Damage("image " + metadata_.image().name() + " is damaged: " + what);
}

Xattrs::Span Xattrs::find(const Inode& inode) const {
  Work::current().limit(kMostBlocks);
  if (inode.xattr == kNoFragment) return {{}, 0};
  const Image& image = metadata_.image();
  if (inode.xattr >= count_) damaged("no xattrs of that number");
  std::array<uint8_t, 8> raw;
  image.read(image.super().xattr_table + 16 + inode.xattr / kIdsPerBlock * 8, raw);
  Cursor at(metadata_, load<uint64_t>(raw.data()), inode.xattr % kIdsPerBlock * kIdSize);
  const auto start = at.number<uint64_t>();
  return {Reference::unpack(start), at.number<uint32_t>()};
}

Xattrs::Entry Xattrs::next(Cursor& at, size_t& names) const {
  static constexpr const char* kPrefixes[] = {"user.", "trusted.", "security."};
  const auto type = at.number<uint16_t>();
  const auto size = at.number<uint16_t>();
  if (size == 0 || size >= kMostName) damaged("the name of an xattr is empty or too long");
  // what the kernel lets a file have; those of a kind that we don't know count too, so that there is an end to any
  // count
  names += size + 1;
  if (names > kMaxXattr) damaged("too many xattrs");
  std::string name(size, '\0');
  at.read(name.data(), size);
  const unsigned kind = type & 0xff;
  return {kind < std::size(kPrefixes) ? kPrefixes[kind] + name : "", (type & kElsewhere) != 0};
}

std::string Xattrs::value(Cursor& at, bool elsewhere) const {
  const auto size = at.number<uint32_t>();
  if (elsewhere) {
    const Reference place = Reference::unpack(at.number<uint64_t>());
    Cursor there(metadata_, pairs_ + place.block, place.offset);
    return value(there, false);
  }
  if (size > kMaxXattr) damaged("the value of an xattr is too long");
  std::string bytes(size, '\0');
  at.read(bytes.data(), size);
  return bytes;
}

void Xattrs::skip_value(Cursor& at) const {
  const auto size = at.number<uint32_t>();
  if (size > kMaxXattr) damaged("the value of an xattr is too long");
  at.skip(size);
}

std::string Xattrs::list(const Inode& inode) const {
  const Span span = find(inode);
  Cursor at(metadata_, pairs_ + span.start.block, span.start.offset);
  std::string names;
  size_t length = 0;
  for (uint32_t left = span.count; left > 0; --left) {
    const Entry entry = next(at, length);
    if (!entry.name.empty()) names.append(entry.name).push_back('\0');
    if (names.size() > kMaxXattr) damaged("too many xattrs");
    if (left > 1) skip_value(at);
  }
  return names;
}

std::optional<std::string> Xattrs::get(const Inode& inode, std::string_view name) const {
  const Span span = find(inode);
  Cursor at(metadata_, pairs_ + span.start.block, span.start.offset);
  size_t length = 0;
  for (uint32_t left = span.count; left > 0; --left) {
    const Entry entry = next(at, length);
    if (entry.name == name) return value(at, entry.elsewhere);
    skip_value(at);
  }
  return {};
}

}  // namespace chrun::squashfs
