#include "squashfs/reader/reads.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/hash.h"

namespace chrun::squashfs {
namespace {

constexpr std::string_view kReadsMagic = "chreads1";

/// All numbers little-endian, as in the image.
struct Header {
  char magic[8];
  uint64_t image, command, checksum;  // the last of what follows
  uint32_t count, size;               // blocks, and the bytes that follow
};
static_assert(sizeof(Header) == 40);

void append_number(std::string& text, uint64_t number) {
  for (; number >= 0x80; number >>= 7) text += static_cast<char>(number | 0x80);
  text += static_cast<char>(number);
}

/// Takes a number off the front; nothing where there is none.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (text.empty()) return {};
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    number |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return number;
  }
  return {};
}

/// Small numbers for small differences, in both directions; the lowest bit says which kind of block.
uint64_t pack(uint64_t from, uint64_t to, bool metadata) {
  const auto difference = static_cast<int64_t>(to - from);
  const uint64_t folded = static_cast<uint64_t>(difference) << 1 ^ static_cast<uint64_t>(difference >> 63);
  return folded << 1 | metadata;
}

uint64_t unpack(uint64_t from, uint64_t packed) {
  const uint64_t folded = packed >> 1;
  return from + (folded >> 1 ^ (0 - (folded & 1)));
}

/// Where a block of each kind is expected next: blocks of data follow each other in a file.
struct Expected {
  uint64_t places[2] = {0, 0};
  uint64_t& of(bool metadata) { return places[metadata]; }
  void passed(const NeededBlock& block) { of(block.metadata) = block.key.position + (block.key.word & ~kDataStored); }
};

}  // namespace

std::string reads_name(const ReadsKey& key) {
  char text[17];
  const auto* bytes = reinterpret_cast<const char*>(&key);
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash({bytes, sizeof key})));
  return std::string(text) + kReadsEnding;
}

std::string encode_reads(const ReadsKey& key, const std::vector<NeededBlock>& blocks) {
  std::string text(sizeof(Header), '\0');
  Header header{{}, key.image, key.command, 0, 0, 0};
  kReadsMagic.copy(header.magic, sizeof header.magic);
  Expected expected;
  for (const NeededBlock& block : blocks) {
    std::string packed;
    append_number(packed, pack(expected.of(block.metadata), block.key.position, block.metadata));
    if (!block.metadata) append_number(packed, block.key.word);
    if (text.size() + packed.size() > kMostReads) break;
    text += packed;
    expected.passed(block);
    ++header.count;
  }
  header.size = static_cast<uint32_t>(text.size() - sizeof header);
  header.checksum = hash(std::string_view(text).substr(sizeof header));
  memcpy(text.data(), &header, sizeof header);
  return text;
}

size_t count_of_reads(std::string_view record) {
  if (record.size() < sizeof(Header) || !record.starts_with(kReadsMagic)) return 0;
  const auto* bytes = reinterpret_cast<const uint8_t*>(record.data());
  return std::min<size_t>(load<uint32_t>(bytes + offsetof(Header, count)), kMostReads);
}

std::optional<std::vector<NeededBlock>> decode_reads(std::string_view record, const ReadsKey& key) {
  if (record.size() < sizeof(Header) || record.size() > kMostReads || !record.starts_with(kReadsMagic)) return {};
  const auto header = load<Header>(reinterpret_cast<const uint8_t*>(record.data()));
  std::string_view rest = record.substr(sizeof header);
  if (header.size != rest.size() || header.checksum != hash(rest)) return {};
  if (ReadsKey{header.image, header.command} != key) return {};
  std::vector<NeededBlock> blocks;
  Expected expected;
  while (!rest.empty()) {
    const auto place = take_number(rest);
    const bool metadata = place && (*place & 1);
    const auto word = place && !metadata ? take_number(rest) : std::optional<uint64_t>(0);
    if (!place || !word || *word > UINT32_MAX) return {};
    blocks.push_back({{unpack(expected.of(metadata), *place), static_cast<uint32_t>(*word)}, metadata});
    expected.passed(blocks.back());
  }
  if (blocks.size() != header.count) return {};
  return blocks;
}

Fd open_reads(int directory, const char* name, struct stat& status) {
  Fd file(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file || fstat(file.get(), &status) != 0) return {};
  const bool own = S_ISREG(status.st_mode) && status.st_uid == geteuid() && !(status.st_mode & 077);
  return own && status.st_size <= static_cast<off_t>(kMostReads) ? std::move(file) : Fd();
}

std::optional<ShippedReads> take_reads(std::string_view& bytes, uint64_t image) {
  if (bytes.size() < sizeof(Header) || !bytes.starts_with(kReadsMagic)) return {};
  const auto header = load<Header>(reinterpret_cast<const uint8_t*>(bytes.data()));
  const ShippedReads found{header.command, bytes.substr(0, sizeof header + header.size)};
  if (!decode_reads(found.record, {image, header.command})) return {};
  bytes.remove_prefix(found.record.size());
  return found;
}

std::optional<std::vector<NeededBlock>> find_reads(std::string_view bytes, const ReadsKey& key) {
  // of records for this key; one is enough, and more that are damaged are no accident
  int attempts = 16;
  for (size_t at = 0; (at = bytes.find(kReadsMagic, at)) != std::string_view::npos; ++at) {
    const std::string_view rest = bytes.substr(at);
    if (rest.size() < sizeof(Header)) break;
    const auto header = load<Header>(reinterpret_cast<const uint8_t*>(rest.data()));
    if (ReadsKey{header.image, header.command} != key) continue;
    if (auto blocks = decode_reads(rest.substr(0, sizeof header + header.size), key)) return blocks;
    if (--attempts == 0) break;
  }
  return {};
}

}  // namespace chrun::squashfs
