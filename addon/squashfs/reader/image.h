// The image file and its superblock, checked once so that the rest can rely on its numbers.
#pragma once
#include <chrono>
#include <span>
#include <string>

#include "base/fd.h"
#include "squashfs/reader/format.h"

namespace chrun::squashfs {

/// The fields of the superblock that reading needs. Ids, the export table and the modification time are not among them.
struct Superblock {
  uint32_t inode_count;
  uint32_t block_size;
  uint32_t block_log;
  uint32_t fragment_count;
  Compressor compressor;
  Reference root;
  uint64_t bytes_used;   // where the image ends; the file may be longer (padding to 4 KiB)
  uint64_t xattr_table;  // kNoTable: none
  uint64_t inode_table;
  uint64_t directory_table;
  uint64_t fragment_table;
};

/// Told of each read that somebody waits for. Called by any thread.
class ReadWatcher {
 public:
  virtual ~ReadWatcher() = default;
  /// Whether these bytes were read ahead.
  virtual bool before(uint64_t position, size_t size) = 0;
  virtual void after(bool foreseen, std::chrono::nanoseconds took) = 0;
};

class Image {
  static constexpr uint64_t kPadding = 4096;

 public:
  /// Reads and checks the superblock. Throws Damage with words for the user: `name` says which image.
  /// `offset`: where in the file it begins.
  Image(Fd file, std::string name, uint64_t offset);

  const Superblock& super() const { return super_; }
  const std::string& name() const { return name_; }
  /// The same for each copy of the image, wherever it lies: a hash of its superblock, which has the time when it was
  /// made and the sizes of all its parts.
  uint64_t identity() const { return identity_; }

  /// Fills `to` from byte `position`. Throws Damage where the image ends before.
  void read(uint64_t position, std::span<uint8_t> to) const;
  /// Reads up to `to.size()` bytes, fewer only at the end of the image.
  size_t read_demanded(uint64_t position, std::span<uint8_t> to) const;
  /// The same ahead of demand, without the watcher.
  size_t read_some(uint64_t position, std::span<uint8_t> to) const;
  /// To be set before there are threads that read.
  void watch(ReadWatcher& watcher) const { watcher_ = &watcher; }

  /// What follows the image in its file: padding, and whatever was appended.
  uint64_t bytes_behind() const { return behind_; }
  /// So many of these bytes are padding, if there are as many.
  uint64_t padding() const { return (kPadding - super_.bytes_used % kPadding) % kPadding; }
  /// The first bytes of that, at most so many. Throws SysError.
  std::string read_behind(size_t most) const;

 private:
  Fd file_;
  std::string name_;
  uint64_t offset_;
  uint64_t identity_ = 0;
  uint64_t behind_ = 0;
  Superblock super_;
  mutable ReadWatcher* watcher_ = nullptr;
};

}  // namespace chrun::squashfs
