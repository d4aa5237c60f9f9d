#include "pack/tar_writer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace chrun::pack {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMostName = 100;
constexpr uint64_t kMostSize = (1ULL << 33) - 1;  // eleven octal digits
constexpr size_t kBuffer = 1 << 20;

/// LENGTH KEY=VALUE\n, LENGTH counting its own digits, too.
std::string record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

char type_of(TarEntry::Kind kind) {
  switch (kind) {
    case TarEntry::Kind::file:
      return '0';
    case TarEntry::Kind::hard_link:
      return '1';
    case TarEntry::Kind::symlink:
      return '2';
    case TarEntry::Kind::directory:
      return '5';
    case TarEntry::Kind::fifo:
      return '6';
    case TarEntry::Kind::device:
      return '3';
  }
  __builtin_unreachable();
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

void TarWriter::begin(const TarEntry& entry) {
  std::string records;
  if (entry.name.size() > kMostName) records += record("path", entry.name);
  if (entry.target.size() > kMostName) records += record("linkpath", entry.target);
  if (entry.size > kMostSize) records += record("size", std::to_string(entry.size));
  for (const auto& [name, value] : entry.xattrs) records += record("SCHILY.xattr." + name, value);
  if (!records.empty()) {
    header({}, 'x', "pax", "", records.size());
    put(bytes_of(records));
    end();
  }
  header(entry, type_of(entry.kind), entry.name, entry.target, entry.size > kMostSize ? 0 : entry.size);
}

void TarWriter::header(const TarEntry& entry, char type, const std::string& name, const std::string& target,
                       uint64_t size) {
  char block[kBlock] = {};
  memcpy(block, name.data(), std::min(name.size(), kMostName));
  snprintf(block + 100, 8, "%07o", static_cast<unsigned>(entry.mode));
  snprintf(block + 108, 8, "%07o", 0u);
  snprintf(block + 116, 8, "%07o", 0u);
  snprintf(block + 124, 12, "%011llo", static_cast<unsigned long long>(size));
  snprintf(block + 136, 12, "%011llo", static_cast<unsigned long long>(entry.mtime));
  memset(block + 148, ' ', 8);
  block[156] = type;
  memcpy(block + 157, target.data(), std::min(target.size(), kMostName));
  memcpy(block + 257, "ustar\00000", 8);
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<uint8_t>(byte);
  snprintf(block + 148, 8, "%06o", sum);
  put({reinterpret_cast<const uint8_t*>(block), kBlock});
}

void TarWriter::content(std::span<const uint8_t> bytes) { put(bytes); }

void TarWriter::zeros(uint64_t count) {
  static constexpr uint8_t kZeros[4096] = {};
  for (; count > 0; count -= std::min<uint64_t>(count, sizeof kZeros))
    put(std::span(kZeros).first(std::min<uint64_t>(count, sizeof kZeros)));
}

void TarWriter::end() { zeros((kBlock - size_ % kBlock) % kBlock); }

std::string TarWriter::finish() {
  zeros(2 * kBlock);
  flush();
  sink_.finish();
  return sha_.hex();
}

void TarWriter::put(std::span<const uint8_t> bytes) {
  size_ += bytes.size();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (buffer_.size() >= kBuffer) flush();
}

void TarWriter::flush() {
  sha_.add(buffer_);
  sink_.write(buffer_);
  buffer_.clear();
}

}  // namespace chrun::pack
