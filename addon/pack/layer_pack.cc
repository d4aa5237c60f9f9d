#include "pack/layer_pack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

#include <cstring>
#include <map>

#include "base/error.h"
#include "base/files.h"

namespace chrun::pack {
namespace {

constexpr std::string_view kMagic = "ch-image-ts pack 1\n";
constexpr size_t kMostText = size_t{4} << 30;

template <typename Number>
void put_number(std::string& text, Number number) {
  text.append(reinterpret_cast<const char*>(&number), sizeof number);
}
void put_text(std::string& text, std::string_view part) {
  put_number(text, static_cast<uint32_t>(part.size()));
  text += part;
}

/// Numbers and texts from the front of bytes that may be damaged.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : left_(bytes) {}
  std::string_view bytes(size_t size) {
    if (size > left_.size()) throw Error("the pack is damaged");
    const std::string_view part = left_.substr(0, size);
    left_.remove_prefix(size);
    return part;
  }
  template <typename Number>
  Number number() {
    Number value;
    memcpy(&value, bytes(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view text() { return bytes(number<uint32_t>()); }
  bool more() const { return !left_.empty(); }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
};

std::string digest_of(std::string_view bytes) {
  Sha256 sha;
  sha.add({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const Sha256::Digest digest = sha.finish();
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string compressed(std::string_view plain) {
  std::string room(ZSTD_compressBound(plain.size()), '\0');
  const size_t size = ZSTD_compress(room.data(), room.size(), plain.data(), plain.size(), 1);
  if (ZSTD_isError(size)) throw std::bad_alloc();
  room.resize(size);
  return room;
}

std::string plain_of(std::string_view bytes) {
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size > kMostText) throw Error("the pack is damaged");  // also where it is not known
  std::string plain(size, '\0');
  if (ZSTD_decompress(plain.data(), plain.size(), bytes.data(), bytes.size()) != size)
    throw Error("the pack is damaged");
  return plain;
}

void put_entry(std::string& text, const TarEntry& entry) {
  put_text(text, entry.name);
  put_number(text, static_cast<uint8_t>(entry.kind));
  put_text(text, entry.target);
  put_number(text, entry.mode);
  put_number(text, entry.mtime);
  put_number(text, entry.size);
  put_number(text, static_cast<uint32_t>(entry.xattrs.size()));
  for (const auto& [name, value] : entry.xattrs) {
    put_text(text, name);
    put_text(text, value);
  }
}

TarEntry take_entry(Cursor& from) {
  TarEntry entry{};
  entry.name = from.text();
  const auto kind = from.number<uint8_t>();
  if (kind > static_cast<uint8_t>(TarEntry::Kind::device)) throw Error("the pack is damaged");
  entry.kind = static_cast<TarEntry::Kind>(kind);
  entry.target = from.text();
  entry.mode = from.number<uint16_t>();
  entry.mtime = from.number<int64_t>();
  entry.size = from.number<uint64_t>();
  for (auto left = from.number<uint32_t>(); left > 0; --left) {
    std::string name(from.text());
    entry.xattrs.emplace_back(std::move(name), from.text());
  }
  return entry;
}

std::string way_of(int level) { return Compressor::way(level) + " blocks " + std::to_string(kBlockSize) + "\n"; }

uint64_t sum_of(const std::vector<uint32_t>& blocks) {
  uint64_t sum = 0;
  for (const uint32_t word : blocks) sum += stored_size(word);
  return sum;
}

PackedContent take_content(Cursor& from, const TarEntry& entry, const PackedImage& image) {
  PackedContent content;
  const auto kind = from.number<uint8_t>();
  if (kind == static_cast<uint8_t>(PackedContent::Kind::small)) {
    content.kind = PackedContent::Kind::small;
    memcpy(content.digest.data(), from.bytes(content.digest.size()).data(), content.digest.size());
    content.fragment = from.number<uint32_t>();
    content.offset = from.number<uint32_t>();
    if (entry.size >= kBlockSize || content.fragment >= image.fragments.size() ||
        content.offset + entry.size > image.fragments[content.fragment].plain)
      throw Error("the pack is damaged");
  } else if (kind == static_cast<uint8_t>(PackedContent::Kind::large)) {
    content.kind = PackedContent::Kind::large;
    content.start = from.number<uint64_t>();
    content.hash = from.number<uint64_t>();
    if (entry.size < kBlockSize) throw Error("the pack is damaged");
    const std::string_view words = from.bytes((entry.size + kBlockSize - 1) / kBlockSize * sizeof(uint32_t));
    content.blocks.resize(words.size() / sizeof(uint32_t));
    memcpy(content.blocks.data(), words.data(), words.size());
    if (content.start + sum_of(content.blocks) > image.size) throw Error("the pack is damaged");
  }
  return content;
}

bool has_content(const TarEntry& entry) { return entry.kind == TarEntry::Kind::file && entry.size > 0; }

}  // namespace

std::unique_ptr<LayerPack> LayerPack::open(const std::string& directory, const std::string& diff_id, int level) {
  if (directory.empty() || diff_id.empty()) return nullptr;
  try {
    const Fd file(::open((directory + "/" + diff_id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    std::unique_ptr<LayerPack> pack(new LayerPack);
    auto& image = pack->image_.file =
        std::make_shared<Fd>(::open((directory + "/image").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat status;
    if (!file || !*image || fstat(image->get(), &status) != 0) return nullptr;
    pack->image_.size = static_cast<uint64_t>(status.st_size);
    pack->read(read_all(file.get(), "a pack", kMostText), level);
    return pack;
  } catch (const Error&) {
    // the layer is there to be read
    return nullptr;
  }
}

void LayerPack::read(std::string_view text, int level) {
  Cursor all(text);
  const std::string way = way_of(level);
  if (all.bytes(kMagic.size()) != kMagic || all.bytes(way.size()) != way) throw Error("another way");
  const std::string_view digest = all.bytes(sizeof(Sha256::Digest));
  if (digest != digest_of(all.rest())) throw Error("the pack is damaged");
  record_ = all.bytes(all.number<uint64_t>());
  bytes_ = all.number<uint64_t>();
  const std::string plain = plain_of(record_);
  for (Cursor from(plain); from.more();) entries_.push_back(take_entry(from));
  const std::string places = plain_of(all.bytes(all.number<uint64_t>()));
  Cursor from(places);
  for (auto left = from.number<uint32_t>(); left > 0; --left) {
    const auto start = from.number<uint64_t>();
    const auto word = from.number<uint32_t>(), size = from.number<uint32_t>();
    if (size > kBlockSize || stored_size(word) > kBlockSize || start + stored_size(word) > image_.size ||
        (word & squashfs::kDataStored && stored_size(word) != size))
      throw Error("the pack is damaged");
    image_.fragments.push_back({start, word, size});
  }
  for (const TarEntry& entry : entries_)
    contents_.push_back(has_content(entry) ? take_content(from, entry, image_) : PackedContent{});
}

void PackDraft::add(const TarEntry& entry) {
  put_entry(entries_, entry);
  has_content_.push_back(has_content(entry));
}

void PackDraft::set_content(size_t entry, const InodePtr& inode) {
  if (contents_.size() <= entry) contents_.resize(entry + 1);
  contents_[entry] = inode;
}

void PackDraft::take_entries(const LayerPack& pack) {
  record_ = pack.entries_record();
  bytes_ = pack.bytes();
  for (const TarEntry& entry : pack.entries()) has_content_.push_back(has_content(entry));
}

std::string PackDraft::text(const std::vector<Fragment>& fragments, int level) const {
  std::map<uint32_t, uint32_t> numbers;  // of fragments, in the image and here
  std::string table, places;
  for (size_t i = 0; i < has_content_.size(); ++i) {
    if (!has_content_[i]) continue;
    const InodePtr inode = i < contents_.size() ? contents_[i] : nullptr;
    if (!inode) {
      put_number(places, static_cast<uint8_t>(PackedContent::Kind::none));
    } else if (inode->size < kBlockSize) {
      put_number(places, static_cast<uint8_t>(PackedContent::Kind::small));
      places.append(reinterpret_cast<const char*>(inode->digest.data()), inode->digest.size());
      const auto [number, fresh] = numbers.try_emplace(inode->fragment, static_cast<uint32_t>(numbers.size()));
      if (fresh) {
        const Fragment& fragment = fragments.at(inode->fragment);
        put_number(table, fragment.start);
        put_number(table, fragment.word);
        put_number(table, fragment.plain);
      }
      put_number(places, number->second);
      put_number(places, inode->fragment_offset);
    } else {
      put_number(places, static_cast<uint8_t>(PackedContent::Kind::large));
      put_number(places, inode->start);
      put_number(places, inode->hash);
      for (const uint32_t word : inode->blocks) put_number(places, word);
    }
  }
  const std::string record = record_.empty() ? compressed(entries_) : record_;
  std::string where;
  put_number(where, static_cast<uint32_t>(numbers.size()));
  where = compressed(where + table + places);
  std::string rest;
  put_number(rest, uint64_t{record.size()});
  rest += record;
  put_number(rest, bytes_);
  put_number(rest, uint64_t{where.size()});
  rest += where;
  return std::string(kMagic) + way_of(level) + digest_of(rest) + rest;
}

}  // namespace chrun::pack
