// Writes the contents of files as blocks of SquashFS: compressed by several threads, written in the order in which they
// came, so that the same input makes the same bytes. What is equal to what was written before is not kept twice.
#pragma once
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "pack/inode.h"
#include "pack/sha256.h"

namespace chrun::pack {

inline constexpr size_t kBlockSize = 128 << 10;

/// A fragment, as its table has it.
struct Fragment {
  uint64_t start;
  uint32_t word;
};

class BlockWriter {
 public:
  /// Writes to `file` from `position` on. `level`: of zstd.
  BlockWriter(int file, uint64_t position, int level, unsigned threads);
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  /// Room for the next block, or the last part, of the file that is being written.
  std::vector<uint8_t> take_buffer();
  /// The next block of a file of more than one, or its last part.
  void add_block(const InodePtr& inode, std::vector<uint8_t> block);
  /// After the last block.
  void end_file(const InodePtr& inode);
  /// The whole of a file that is smaller than a block.
  void add_small(const InodePtr& inode, std::vector<uint8_t> content);
  /// Writes what is left, waits for it, and returns where the data end. Throws what a thread could not do.
  uint64_t finish();

  const std::vector<Fragment>& fragments() const { return fragments_; }

 private:
  struct Job {
    enum class Kind { block, end, fragment };
    Kind kind;
    InodePtr inode;              // of a block, or the end of a file
    std::vector<uint8_t> bytes;  // first plain, then as they are stored
    uint32_t word = 0;
    bool done = false;
  };
  void push(Job job);
  void work();
  void write_ready(std::unique_lock<std::mutex>& lock);
  void write(Job& job);
  void write_end(Job& job);
  bool is_equal(uint64_t one, uint64_t other, uint64_t size) const;
  void flush_fragment();

  const int file_, level_;
  const size_t most_jobs_;
  uint64_t position_;
  std::mutex mutex_;
  std::condition_variable work_, room_;
  std::deque<std::shared_ptr<Job>> jobs_;  // in order; the first is written next
  size_t taken_ = 0;                       // of these, as many are being compressed or done
  bool writing_ = false, closed_ = false;
  std::exception_ptr failure_;
  std::vector<std::vector<uint8_t>> buffers_;
  std::vector<std::thread> threads_;

  uint64_t file_start_ = 0, file_hash_ = 0;  // of the file that is being written
  std::unordered_multimap<uint64_t, InodePtr> files_;
  std::vector<Fragment> fragments_;
  uint32_t fragment_count_ = 0;  // with those that are not written yet
  std::vector<uint8_t> tail_;    // the fragment that is being filled
  struct Place {
    uint32_t fragment, offset;
  };
  struct DigestHash {
    size_t operator()(const Sha256::Digest& digest) const {
      size_t value;
      memcpy(&value, digest.data(), sizeof value);
      return value;
    }
  };
  std::unordered_map<Sha256::Digest, Place, DigestHash> small_;
};

}  // namespace chrun::pack
