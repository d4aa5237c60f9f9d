// Where remembered reads are kept: beside remembered plans, in a directory that the launcher has opened and checked.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.h"
#include "squashfs/reader/reads.h"

namespace chrun::squashfs {

/// The server reads a record before it is in its sandbox, and then has no descriptor of the directory any more. A new
/// record is written by another process (mounter.h), which gets it in memory that both share. To be made before there
/// is that process.
class ReadsStore {
 public:
  /// Without a directory, nothing is read or kept.
  explicit ReadsStore(Fd directory);
  ReadsStore(ReadsStore&& other) noexcept = default;

  explicit operator bool() const { return directory_ && shared_; }
  /// From then on there is only put().
  void close_directory() { directory_.reset(); }
  bool is_shared() const { return shared_; }

  /// The bytes of a record; empty if there is none, or it is not this user's alone. Its use is noted.
  std::string load(const ReadsKey& key) const;
  /// Removes the least recently used records, if there are too many for one more.
  void make_room() const;

  /// Puts a record where the other process sees it.
  void put(std::string_view record) const { record.copy(shared_, kMostReads); }
  /// In the other process: writes the first `size` bytes of what was put, all or nothing. Failures are silent.
  void save(const std::string& name, size_t size) const;

 private:
  Fd directory_;
  char* shared_ = nullptr;
};

/// Whether a file name is that of a record.
bool is_reads_name(std::string_view name);

}  // namespace chrun::squashfs
