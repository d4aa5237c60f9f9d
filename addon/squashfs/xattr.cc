#include "squashfs/xattr.h"

#include <array>

namespace chrun::squashfs {
namespace {

constexpr uint16_t kElsewhere = 0x100;  // the value is a reference to where it lies
constexpr uint32_t kIdSize = 16;
constexpr uint32_t kIdsPerBlock = kMetadataSize / kIdSize;

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
    throw Damage("image " + metadata.image().name() + " is damaged: the xattr table lies outside of the image");
  }
}

Xattrs::Span Xattrs::find(const Inode& inode) const {
  if (inode.xattr == kNoFragment) return {{}, 0};
  const Image& image = metadata_.image();
  if (inode.xattr >= count_) throw Damage("image " + image.name() + " is damaged: no xattrs of that number");
  std::array<uint8_t, 8> raw;
  image.read(image.super().xattr_table + 16 + inode.xattr / kIdsPerBlock * 8, raw);
  Cursor at(metadata_, load<uint64_t>(raw.data()), inode.xattr % kIdsPerBlock * kIdSize);
  const auto start = at.number<uint64_t>();
  return {Reference::unpack(start), at.number<uint32_t>()};
}

Xattrs::Entry Xattrs::next(Cursor& at) const {
  static constexpr const char* kPrefixes[] = {"user.", "trusted.", "security."};
  const auto type = at.number<uint16_t>();
  const auto size = at.number<uint16_t>();
  std::string name(size, '\0');
  at.read(name.data(), size);
  const unsigned kind = type & 0xff;
  const bool known = kind < std::size(kPrefixes) && size > 0 && size < 256;
  return {known ? kPrefixes[kind] + name : "", (type & kElsewhere) != 0};
}

std::string Xattrs::value(Cursor& at, bool elsewhere) const {
  const auto size = at.number<uint32_t>();
  if (elsewhere) {
    const Reference place = Reference::unpack(at.number<uint64_t>());
    Cursor there(metadata_, pairs_ + place.block, place.offset);
    return value(there, false);
  }
  if (size > kMaxXattr) throw Damage("image " + metadata_.image().name() + " is damaged: too long an xattr");
  std::string bytes(size, '\0');
  at.read(bytes.data(), size);
  return bytes;
}

void Xattrs::skip_value(Cursor& at) const { at.skip(at.number<uint32_t>()); }

std::string Xattrs::list(const Inode& inode) const {
  const Span span = find(inode);
  Cursor at(metadata_, pairs_ + span.start.block, span.start.offset);
  std::string names;
  for (uint32_t left = span.count; left > 0; --left) {
    const Entry entry = next(at);
    if (!entry.name.empty()) names.append(entry.name).push_back('\0');
    if (names.size() > kMaxXattr) throw Damage("image " + metadata_.image().name() + " is damaged: too many xattrs");
    if (left > 1) skip_value(at);
  }
  return names;
}

std::optional<std::string> Xattrs::get(const Inode& inode, std::string_view name) const {
  const Span span = find(inode);
  Cursor at(metadata_, pairs_ + span.start.block, span.start.offset);
  // a count beyond reason ends where the table does
  for (uint32_t left = span.count; left > 0; --left) {
    const Entry entry = next(at);
    if (entry.name == name) return value(at, entry.elsewhere);
    skip_value(at);
  }
  return {};
}

}  // namespace chrun::squashfs
