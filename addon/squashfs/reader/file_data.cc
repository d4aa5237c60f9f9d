#include "squashfs/reader/file_data.h"

#include <algorithm>

#include "squashfs/reader/decompress.h"

namespace chrun::squashfs {
namespace {

constexpr uint32_t kFragmentSize = 16;
constexpr uint32_t kFragmentsPerBlock = kMetadataSize / kFragmentSize;
constexpr uint64_t kStride = 1024;     // blocks between two marks of a file's map
constexpr uint64_t kMostMarks = 4096;  // a file of any size has no more
constexpr size_t kMostMaps = 32;

uint32_t stored_size(uint32_t word) { return word & ~kDataStored; }

}  // namespace

/// Where blocks lie is known only by adding up the sizes of all before. A file with many blocks gets marks on the way.
struct FileData::Map {
  struct Mark {
    uint64_t block;  // of the cursor in the inode table
    uint32_t offset;
    uint64_t data;  // where the file's block begins
  };
  std::mutex mutex;
  uint64_t stride;
  std::vector<Mark> marks;  // marks[n]: before block n * stride
};

FileData::FileData(const Metadata& metadata, size_t cache_bytes)
    : metadata_(metadata), super_(metadata.image().super()), cache_(super_.block_size, cache_bytes) {}

void FileData::damaged(const Inode& file, const char* what) const {
  throw Damage("image " + metadata_.image().name() + " is damaged: file inode " + std::to_string(file.number) + " " +
               what);
}

std::shared_ptr<FileData::Map> FileData::map_of(const Inode& file, uint64_t blocks) const {
  std::lock_guard lock(maps_mutex_);
  auto& map = maps_[file.reference.pack()];
  if (map) return map;
  map = std::make_shared<Map>();
  map->stride = std::max(kStride, blocks / kMostMarks + 1);
  map->marks.push_back({file.tail_block, file.tail_offset, file.data});
  const auto made = map;
  if (maps_.size() > kMostMaps) {
    const auto other = maps_.begin()->second == made ? std::prev(maps_.end()) : maps_.begin();
    maps_.erase(other);
  }
  return made;
}

std::vector<BlockPlace> FileData::places(const Inode& file, uint64_t first, uint64_t count) const {
  Cursor at = file.tail(metadata_);
  uint64_t index = 0, data = file.data;
  std::shared_ptr<Map> map;
  std::unique_lock<std::mutex> lock;
  if (const uint64_t blocks = file.block_count(super_); blocks > 2 * kStride) {
    map = map_of(file, blocks);
    lock = std::unique_lock(map->mutex);
    const size_t mark = std::min<size_t>(first / map->stride, map->marks.size() - 1);
    at = Cursor(metadata_, map->marks[mark].block, map->marks[mark].offset);
    index = mark * map->stride;
    data = map->marks[mark].data;
  }
  std::vector<BlockPlace> found;
  found.reserve(count);
  for (; found.size() < count; ++index) {
    if (map && index == map->marks.size() * map->stride) map->marks.push_back({at.block(), at.offset(), data});
    const auto word = at.number<uint32_t>();
    if (index >= first) found.push_back({{data, word}});
    data += stored_size(word);
  }
  return found;
}

BlockKey FileData::fragment_key(uint32_t number) const {
  std::array<uint8_t, 8> raw;
  metadata_.image().read(super_.fragment_table + number / kFragmentsPerBlock * 8, raw);
  Cursor at(metadata_, load<uint64_t>(raw.data()), number % kFragmentsPerBlock * kFragmentSize);
  const auto position = at.number<uint64_t>();
  return {position, at.number<uint32_t>()};
}

void FileData::fill(const BlockKey& key, Block& block) const {
  const uint32_t size = stored_size(key.word);
  if (size == 0 || size > super_.block_size) {
    throw Damage("image " + metadata_.image().name() + " is damaged: a data block of " + std::to_string(size) +
                 " bytes");
  }
  if (key.word & kDataStored) {
    metadata_.image().read(key.position, {block.bytes.get(), size});
    block.size = size;
    return;
  }
  thread_local std::vector<uint8_t> packed;
  packed.resize(size);
  metadata_.image().read(key.position, packed);
  unpack(key, packed, block);
}

void FileData::unpack(const BlockKey& key, std::span<const uint8_t> packed, Block& block) const {
  if (key.word & kDataStored) {
    std::copy(packed.begin(), packed.end(), block.bytes.get());
    block.size = static_cast<uint32_t>(packed.size());
  } else {
    block.size =
        static_cast<uint32_t>(decompress(super_.compressor, packed, {block.bytes.get(), size_t{super_.block_size}}));
  }
}

bool FileData::is_possible(const BlockKey& key) const {
  const uint32_t size = stored_size(key.word);
  return size > 0 && size <= super_.block_size && key.position < super_.bytes_used &&
         size <= super_.bytes_used - key.position;
}

std::shared_ptr<SuppliedBlock> FileData::supply(const BlockKey& key, std::shared_ptr<const void> owner,
                                                std::span<const uint8_t> bytes) const {
  if (!owner) return cache_.supply(key, {});
  return cache_.supply(key, [this, key, owner = std::move(owner), bytes](Block& block) { unpack(key, bytes, block); });
}

BlockRef FileData::block(const BlockKey& key) const {
  return cache_.get(key, [&](Block& block) { fill(key, block); });
}

Slice FileData::fragment_slice(const Inode& file, uint64_t offset, size_t size) const {
  if (file.fragment >= super_.fragment_count) damaged(file, "is in a fragment that does not exist");
  BlockRef fragment = block(fragment_key(file.fragment));
  const uint64_t start = file.fragment_offset + offset;
  if (start + size > fragment->size) damaged(file, "reaches past its fragment");
  return {std::move(fragment), static_cast<uint32_t>(start), static_cast<uint32_t>(size)};
}

std::vector<Slice> FileData::read(const Inode& file, uint64_t offset, size_t size) const {
  if (file.type != Type::file) damaged(file, "is not a regular file");
  std::vector<Slice> slices;
  if (offset >= file.size) return slices;
  const uint64_t end = offset + std::min<uint64_t>(size, file.size - offset);
  const uint64_t whole = file.block_count(super_);
  const uint64_t first = offset >> super_.block_log;
  const uint64_t last = std::min(whole, (end + super_.block_size - 1) >> super_.block_log);
  const auto blocks = first < last ? places(file, first, last - first) : std::vector<BlockPlace>();
  while (offset < end) {
    const uint64_t index = offset >> super_.block_log;
    const auto inside = static_cast<uint32_t>(offset & (super_.block_size - 1));
    const auto part = static_cast<uint32_t>(std::min<uint64_t>(super_.block_size - inside, end - offset));
    if (index >= whole) {
      slices.push_back(fragment_slice(file, inside, part));
    } else if (const BlockPlace& place = blocks[index - first]; place.hole()) {
      slices.push_back({nullptr, 0, part});
    } else {
      slices.push_back({block(place.key), inside, part});
      if (inside + part > slices.back().block->size) damaged(file, "has a block that is too short");
    }
    offset += part;
  }
  return slices;
}

void FileData::read_ahead(const Inode& file, uint64_t offset, size_t size, uint32_t depth, uint32_t most) const {
  const uint64_t whole = file.block_count(super_);
  const uint64_t next = (offset + size + super_.block_size - 1) >> super_.block_log;
  const uint64_t end = std::min(whole, next + depth);
  if (next < end) {
    for (const BlockPlace& place : places(file, next, end - next)) {
      if (most == 0) return;
      if (place.hole() || cache_.has(place.key)) continue;
      cache_.make_ahead(place.key, [&](Block& block) { fill(place.key, block); });
      --most;
    }
  }
}

}  // namespace chrun::squashfs
