// Answers FUSE requests from a file system. One object serves all threads.
#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "squashfs/reader/file_system.h"
#include "squashfs/reader/work.h"
#include "squashfs/server/fuse_wire.h"
#include "squashfs/server/given_files.h"
#include "squashfs/server/listing_habit.h"

namespace chrun::squashfs {

class FuseOps {
 public:
  /// `threads`: how many call serve(), which bounds how many of them may read ahead at once.
  FuseOps(const FileSystem& files, unsigned threads) : files_(files), threads_(threads) {}

  /// Answers requests from `device` until the mount is gone everywhere. Calls `active()` for each.
  template <typename Active>
  void serve(int device, Active active) {
    alignas(8) uint8_t buffer[kRequestSize];
    register_thread();
    serving_.fetch_add(1);
    while (const size_t size = receive(device, buffer)) {
      active();
      answer(device, buffer, size);
    }
  }

 private:
  // the kernel wants room for the largest write it may send, though there are none: 4 KiB and headers
  static constexpr size_t kRequestSize = 16384;
  struct Scratch;
  class Task;

  void register_thread() {
    const std::lock_guard lock(works_mutex_);
    works_.push_back(&Work::current());
  }

  static size_t receive(int device, uint8_t* buffer);
  void answer(int device, const uint8_t* bytes, size_t size);
  void interrupt(int device, const FuseRequest& request);
  FuseReply dispatch(const FuseRequest& request, Scratch& scratch) const;
  void read_ahead(const FuseRequest& request) const;
  void forget(const FuseRequest& request) const;
  void give(int device, const FuseRequest& request) const;

  FuseReply init(const FuseRequest& request, Scratch& scratch) const;
  FuseReply lookup(const FuseRequest& request, Scratch& scratch) const;
  FuseReply get_attributes(const FuseRequest& request, Scratch& scratch) const;
  FuseReply read_link(const FuseRequest& request, Scratch& scratch) const;
  FuseReply read(const FuseRequest& request, Scratch& scratch) const;
  FuseReply read_directory(const FuseRequest& request, Scratch& scratch, bool plus) const;
  static FuseReply open_directory(Scratch& scratch);
  FuseReply get_xattr(const FuseRequest& request, Scratch& scratch) const;
  FuseReply list_xattrs(const FuseRequest& request, Scratch& scratch) const;
  FuseReply statistics(Scratch& scratch) const;

  Inode inode_of(uint64_t node) const;
  uint64_t node_of(Reference reference) const;
  uint64_t number_of(uint32_t number) const;
  fuse_attr attributes_of(const Inode& inode) const;
  fuse_entry_out entry_of(const Inode& inode) const;
  /// `with_attributes`: if there is room for them, which is with `plus`.
  bool add_entry(std::string& listing, size_t room, const DirectoryEntry& entry, uint64_t next, bool plus,
                 bool with_attributes) const;
  bool add_dots(std::string& listing, size_t room, const Inode& directory, uint64_t& position, bool plus) const;

  const FileSystem& files_;
  const unsigned threads_;
  std::atomic<unsigned> serving_{0};  // threads in serve()
  std::mutex works_mutex_;
  std::vector<Work*> works_;  // of all threads
  mutable ListingHabit habit_;
  mutable GivenFiles given_;
  mutable std::atomic<unsigned> reading_ahead_{0}, giving_{0};  // threads
  mutable std::atomic<bool> gives_{false};                      // the kernel takes what it has not asked for
  mutable std::atomic<bool> opens_directories_{false};          // the kernel can't do without, before Linux 5.1
};

}  // namespace chrun::squashfs
