// Directories: listings and finding a name.
#pragma once
#include <optional>
#include <string_view>

#include "squashfs/reader/inode.h"

namespace chrun::squashfs {

struct DirectoryEntry {
  std::string_view name;  // valid until the next entry is read
  Reference inode;
  uint32_t number;
  Type type;
};

/// Reads a listing entry by entry. `position()` is a stable number from which reading can go on later, also after other
/// listings: the byte where the entry's run begins, and its place in the run (a run shares one header).
class DirectoryReader {
 public:
  DirectoryReader(const Metadata& metadata, const Inode& directory);

  /// Goes to where `position()` pointed. A made-up position reads nonsense or throws, as a damaged image would.
  void seek(uint64_t position);
  /// The next entry, or nothing at the end.
  std::optional<DirectoryEntry> next();
  /// Of the entry that next() would read.
  uint64_t position() const { return run_left_ ? run_start_ << 8 | run_index_ : consumed_ << 8; }

  /// Goes near `name` by the index of a large directory, at or before its place.
  void approach(std::string_view name);

 private:
  void begin_run();
  void restart(uint64_t listing_byte, uint64_t block, uint32_t offset);
  void read(void* to, size_t size);

  const Metadata& metadata_;
  const Inode& directory_;
  uint64_t length_;  // bytes of the listing
  Cursor at_;
  uint64_t consumed_ = 0;
  uint64_t run_start_ = 0;
  uint32_t run_index_ = 0;
  uint32_t run_left_ = 0;
  uint32_t run_block_ = 0;
  uint32_t run_number_ = 0;
  char name_[kMaxName];
};

/// The inode of `name`, if the directory has it.
std::optional<Reference> find_entry(const Metadata& metadata, const Inode& directory, std::string_view name);

}  // namespace chrun::squashfs
