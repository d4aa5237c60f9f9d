// Reads what a command will ask for, as a record says, before it does. Packed bytes are read by many threads, because
// on slow storage only many requests at once are fast. They are unpacked by threads that run on idle cores only; who
// asks for a block that was read, but not yet unpacked, unpacks it itself: nobody waits for an idle core.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "squashfs/reader/file_system.h"
#include "squashfs/reader/reads.h"
#include "squashfs/server/pressure.h"

namespace chrun::squashfs {

class ReadsAhead {
 public:
  ReadsAhead(const FileSystem& files, const Pressure& pressure) : files_(files), pressure_(pressure) {}

  /// Starts threads for about so many blocks: to be called before the caller is in the sandbox. They wait for begin().
  void start_threads(size_t blocks);
  void begin(std::vector<NeededBlock> blocks);
  /// Something was asked for: there may be room for more.
  void pass() {
    demands_.fetch_add(1);
    demands_.notify_one();
  }
  /// Reads no more. Called by any thread.
  void stop();
  /// After stop(): until all threads have ended, to destroy this. The server never does.
  void wait_for_end() const;

 private:
  using Batch = std::vector<NeededBlock>;
  void end_thread();
  void fetch();
  void unpack();
  bool has_room(const NeededBlock& block) const;
  bool wait_for_room(const NeededBlock& block);
  Batch next_batch();
  Batch neighbours_of(size_t first);
  bool begin(const NeededBlock& block) const;
  void read(const Batch& batch);

  const FileSystem& files_;
  const Pressure& pressure_;
  std::atomic<bool> begun_{false}, stopped_{false};
  std::atomic<uint32_t> demands_{0};
  std::atomic<unsigned> running_{0};  // threads

  std::mutex batch_mutex_;  // of what is to be read
  std::vector<NeededBlock> blocks_;
  std::vector<bool> taken_;
  size_t next_ = 0;

  // What is to be unpacked: read() appends, and each thread that unpacks takes the next. Those take no lock.
  struct Entry {
    std::shared_ptr<SuppliedBlock> block;
    std::atomic<bool> passed{false};  // whoever took it is done with it
  };
  void append(std::shared_ptr<SuppliedBlock> block);
  void release(size_t end);
  std::mutex entries_mutex_;  // of those who append and release
  std::unique_ptr<Entry[]> entries_;
  size_t count_ = 0, released_ = 0;
  std::atomic<size_t> end_{0}, taken_entries_{0};
};

}  // namespace chrun::squashfs
