#include "squashfs/reader/directory.h"

namespace chrun::squashfs {
namespace {

constexpr uint32_t kListingExtra = 3;  // a listing's size counts "." and "..", which it does not hold

Cursor listing_start(const Metadata& metadata, const Inode& directory) {
  return {metadata, metadata.image().super().directory_table + directory.listing.block, directory.listing.offset};
}

[[noreturn]] void damaged(const Metadata& metadata, const Inode& directory) {
  throw Damage("image " + metadata.image().name() + " is damaged: directory inode " + std::to_string(directory.number));
}

}  // namespace

DirectoryReader::DirectoryReader(const Metadata& metadata, const Inode& directory)
    : metadata_(metadata),
      directory_(directory),
      length_(directory.size > kListingExtra ? directory.size - kListingExtra : 0),
      at_(listing_start(metadata, directory)) {
  if (directory.type != Type::directory) damaged(metadata, directory);
}

void DirectoryReader::read(void* to, size_t size) {
  if (size > length_ - consumed_) damaged(metadata_, directory_);
  at_.read(to, size);
  consumed_ += size;
}

void DirectoryReader::begin_run() {
  struct {
    uint32_t count, block, number;
  } header;
  run_start_ = consumed_;
  read(&header, sizeof header);
  if (header.count >= kDirectoryRun) damaged(metadata_, directory_);
  run_left_ = header.count + 1;
  run_index_ = 0;
  run_block_ = header.block;
  run_number_ = header.number;
}

std::optional<DirectoryEntry> DirectoryReader::next() {
  if (run_left_ == 0) {
    if (consumed_ >= length_) return {};
    begin_run();
  }
  struct {
    uint16_t offset;
    int16_t difference;
    uint16_t type, size;
  } raw;
  read(&raw, sizeof raw);
  const size_t size = size_t{raw.size} + 1;
  if (size > sizeof name_ || raw.type == 0 || raw.type > kExtended) damaged(metadata_, directory_);
  read(name_, size);
  --run_left_;
  ++run_index_;
  return DirectoryEntry{.name = {name_, size},
                        .inode = {run_block_, raw.offset},
                        .number = run_number_ + static_cast<uint32_t>(raw.difference),
                        .type = static_cast<Type>(raw.type)};
}

void DirectoryReader::seek(uint64_t position) {
  at_ = listing_start(metadata_, directory_);
  const uint64_t start = position >> 8;
  if (start > length_) damaged(metadata_, directory_);
  at_.skip(start);
  consumed_ = start;
  run_left_ = 0;
  for (uint32_t skipped = position & 0xff; skipped > 0 && next(); --skipped) {
  }
}

void DirectoryReader::restart(uint64_t listing_byte, uint64_t block, uint32_t offset) {
  at_ = Cursor(metadata_, block, offset);
  consumed_ = listing_byte;
  run_left_ = 0;
}

void DirectoryReader::approach(std::string_view name) {
  Cursor index = directory_.tail(metadata_);
  const uint64_t table = metadata_.image().super().directory_table;
  uint64_t byte = 0, block = 0;
  for (uint32_t left = directory_.index_count; left > 0; --left) {
    const auto entry_byte = index.number<uint32_t>();
    const auto entry_block = index.number<uint32_t>();
    const size_t size = size_t{index.number<uint32_t>()} + 1;
    char first[kMaxName];
    if (size > sizeof first || entry_byte > length_) damaged(metadata_, directory_);
    index.read(first, size);
    if (std::string_view(first, size) > name) break;
    byte = entry_byte;
    block = table + entry_block;
  }
  // an index entry is made where a run begins in a new metadata block; the bytes before give the place in it
  if (block) restart(byte, block, static_cast<uint32_t>((byte + directory_.listing.offset) % kMetadataSize));
}

std::optional<Reference> find_entry(const Metadata& metadata, const Inode& directory, std::string_view name) {
  DirectoryReader reader(metadata, directory);
  if (directory.index_count > 0) reader.approach(name);
  while (const auto entry = reader.next()) {
    if (entry->name == name) return entry->inode;
    if (entry->name > name) break;  // listings are sorted by bytes
  }
  return {};
}

}  // namespace chrun::squashfs
