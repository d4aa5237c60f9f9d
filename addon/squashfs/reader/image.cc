#include "squashfs/reader/image.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "squashfs/reader/decompress.h"

namespace chrun::squashfs {
namespace {

using Raw = std::array<uint8_t, kSuperblockSize>;

std::string hex(uint32_t number) {
  char text[16];
  snprintf(text, sizeof text, "0x%x", number);
  return text;
}

Superblock parse(const Raw& raw) {
  const uint8_t* at = raw.data();
  return {.inode_count = load<uint32_t>(at + 4),
          .block_size = load<uint32_t>(at + 12),
          .block_log = load<uint16_t>(at + 22),
          .fragment_count = load<uint32_t>(at + 16),
          .compressor = static_cast<Compressor>(load<uint16_t>(at + 20)),
          .root = Reference::unpack(load<uint64_t>(at + 32)),
          .bytes_used = load<uint64_t>(at + 40),
          .xattr_table = load<uint64_t>(at + 56),
          .inode_table = load<uint64_t>(at + 64),
          .directory_table = load<uint64_t>(at + 72),
          .fragment_table = load<uint64_t>(at + 80)};
}

void check_format(const Raw& raw, const std::string& image) {
  const auto magic = load<uint32_t>(raw.data());
  if (magic == kMagicBigEndian)
    throw Damage(image + " is SquashFS of a big-endian machine: only version 4.0 can be read");
  if (magic != kMagic) throw Damage(image + " is not SquashFS: it begins with " + hex(magic));
  const auto major = load<uint16_t>(raw.data() + 28), minor = load<uint16_t>(raw.data() + 30);
  if (major != 4 || minor != 0) {
    throw Damage(image + " is SquashFS " + std::to_string(major) + "." + std::to_string(minor) +
                 ": only version 4.0 can be read");
  }
}

void check_compressor(Compressor compressor, const std::string& image) {
  const char* name = compressor_name(compressor);
  if (!name) {
    throw Damage(image + " is damaged: compressor number " + std::to_string(static_cast<unsigned>(compressor)) +
                 " does not exist");
  }
  if (!compressor_available(compressor)) {
    throw Damage(
        image + " is compressed with " + name + ", which this build can't read",
        std::string("build ch-run-ts with the ") + name + " library, or pack the image with another compressor");
  }
}

void check_sizes(const Superblock& super, uint64_t file_size, const std::string& image) {
  if (super.bytes_used > file_size) {
    throw Damage(image + " is truncated: superblock says " + std::to_string(super.bytes_used) + " bytes, file has " +
                 std::to_string(file_size));
  }
  if (super.block_size < kMinBlockSize || super.block_size > kMaxBlockSize ||
      super.block_size != uint64_t{1} << std::min<uint32_t>(super.block_log, 63)) {
    throw Damage(image + " is damaged: block size " + std::to_string(super.block_size) + " with logarithm " +
                 std::to_string(super.block_log));
  }
}

/// Tables must lie inside the image, inodes before directories, and the root inode inside the inode table.
void check_tables(const Superblock& super, const std::string& image) {
  const auto inside = [&](uint64_t table) { return table >= kSuperblockSize && table < super.bytes_used; };
  const auto check = [&](bool sound, const char* what) {
    if (!sound) throw Damage(image + " is damaged: the " + what + " is outside the image");
  };
  check(inside(super.inode_table), "inode table");
  check(inside(super.directory_table) && super.directory_table > super.inode_table, "directory table");
  check(super.fragment_count == 0 || inside(super.fragment_table), "fragment table");
  check(super.xattr_table == kNoTable || inside(super.xattr_table), "xattr table");
  check(super.root.block < super.directory_table - super.inode_table && super.root.offset < kMetadataSize,
        "root inode");
}

}  // namespace

Image::Image(Fd file, std::string name, uint64_t offset)
    : file_(std::move(file)), name_(std::move(name)), offset_(offset), super_{} {
  const std::string image = "image " + name_;
  struct stat status;
  if (fstat(file_.get(), &status) < 0) throw Refused("fstat").cannot("examine " + image);
  const auto whole = static_cast<uint64_t>(status.st_size), size = whole - std::min(whole, offset);
  if (!S_ISREG(status.st_mode)) throw Damage(image + " is not a regular file");
  if (size < kSuperblockSize) throw Damage(image + " is not SquashFS: it has only " + std::to_string(size) + " bytes");
  super_.bytes_used = size;
  Raw raw;
  read(0, raw);
  check_format(raw, image);
  super_ = parse(raw);
  identity_ = hash({reinterpret_cast<const char*>(raw.data()), raw.size()});
  check_compressor(super_.compressor, image);
  check_sizes(super_, size, image);
  check_tables(super_, image);
  behind_ = size - super_.bytes_used;
}

std::string Image::read_behind(size_t most) const {
  std::string bytes(std::min<uint64_t>(most, behind_), '\0');
  const ssize_t got = pread(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset_ + super_.bytes_used));
  if (got < 0) throw Refused("pread").cannot("read what follows image " + name_);
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

size_t Image::read_some(uint64_t position, std::span<uint8_t> to) const {
  if (position >= super_.bytes_used) return 0;
  const size_t wanted = std::min<uint64_t>(to.size(), super_.bytes_used - position);
  size_t done = 0;
  // pread and not a mapping: where the file is cut short while it is in use, this ends early instead of by SIGBUS
  while (done < wanted) {
    const auto at = static_cast<off_t>(offset_ + position + done);
    const ssize_t got = pread(file_.get(), to.data() + done, wanted - done, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Refused("pread").cannot("read image " + name_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

size_t Image::read_demanded(uint64_t position, std::span<uint8_t> to) const {
  if (!watcher_) return read_some(position, to);
  const bool foreseen = watcher_->before(position, to.size());
  const auto start = std::chrono::steady_clock::now();
  const size_t size = read_some(position, to);
  watcher_->after(foreseen, std::chrono::steady_clock::now() - start);
  return size;
}

void Image::read(uint64_t position, std::span<uint8_t> to) const {
  if (read_demanded(position, to) != to.size()) {
    throw Damage("image " + name_ + " is damaged or cut short: no " + std::to_string(to.size()) + " bytes at " +
                 std::to_string(position));
  }
}

}  // namespace chrun::squashfs
