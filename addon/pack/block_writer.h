// Writes the contents of files as blocks of SquashFS: compressed by several threads, written in the order in which they
// came, so that the same input makes the same bytes. What is equal to what was written before is not kept twice.
#pragma once
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "pack/compressor.h"
#include "pack/copy_run.h"
#include "pack/inode.h"
#include "pack/sha256.h"
#include "squashfs/reader/format.h"

namespace chrun::pack {

inline constexpr size_t kBlockSize = 128 << 10;

/// A fragment, as its table has it, and its size when it is not compressed.
struct Fragment {
  uint64_t start;
  uint32_t word, plain;
};

/// Bytes that a block or fragment takes, by its word.
inline uint32_t stored_size(uint32_t word) { return word & ~squashfs::kDataStored; }

/// An image that was packed before.
struct PackedImage {
  std::shared_ptr<Fd> file;
  uint64_t size = 0;
  std::vector<Fragment> fragments;
};

/// Room for a block, of which some is used. It is made once, and never cleared.
class Buffer {
 public:
  std::span<uint8_t> bytes() const { return {room_.get(), size_}; }
  size_t size() const { return size_; }
  void resize(size_t size) {
    if (!room_) room_.reset(new uint8_t[kBlockSize]);
    size_ = size;
  }
  void append(std::span<const uint8_t> bytes) {
    const size_t before = size_;
    resize(before + bytes.size());
    memcpy(room_.get() + before, bytes.data(), bytes.size());
  }

 private:
  std::unique_ptr<uint8_t[]> room_;  // of kBlockSize bytes
  size_t size_ = 0;
};

class BlockWriter {
 public:
  /// Writes to `file` from `position` on. `level`: of zstd.
  BlockWriter(int file, uint64_t position, int level, unsigned threads);
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  /// For the next block, or the last part, of the file that is being written.
  Buffer take_buffer();
  /// The next block of a file of more than one, or its last part.
  void add_block(const InodePtr& inode, Buffer block);
  /// After the last block.
  void end_file(const InodePtr& inode);
  /// The whole of a file that is smaller than a block.
  void add_small(const InodePtr& inode, std::span<const uint8_t> content);

  /// The same as add_block() and end_file() of content that another image has at `start`.
  void add_copied(const InodePtr& inode, const PackedImage& image, uint64_t start);
  /// The same as add_small(): it is at `offset` of a fragment there. The inode has its digest.
  void add_small_copied(const InodePtr& inode, const PackedImage& image, uint32_t fragment, uint32_t offset);

  /// Fragments end where it depends on as little as possible what is visible of a layer, so that other images of it
  /// can have the same: at the end of a group, if it is at least half full, and of a layer.
  void end_group();
  void end_layer() { flush_fragment(); }
  /// Writes what is left, waits for it, and returns where the data end. Throws what a thread could not do.
  uint64_t finish();

  const std::vector<Fragment>& fragments() const { return fragments_; }

 private:
  struct Job {
    enum class Kind { block, end, fragment, copied, copied_fragment };
    Kind kind;
    InodePtr inode;  // of a block, or the end of a file
    Buffer buffer;   // first plain, then as it is stored
    uint32_t word = 0, plain = 0;
    std::shared_ptr<Fd> file = {};  // of what is copied
    uint64_t start = 0;
    bool done = false;
  };
  /// A small file in the fragment of another image.
  struct Piece {
    std::shared_ptr<Fd> file;
    Fragment fragment;
    uint32_t offset, size;
  };
  bool can_take() const;
  void push(Job job);
  void work();
  static void compress(Job& job, Compressor& compressor, Buffer& spare);
  void write_ready(std::unique_lock<std::mutex>& lock);
  void write(Job& job);
  void write_end(Job& job);
  void write_copied(Job& job);
  InodePtr find_equal(const Inode& inode, int file, uint64_t start, uint64_t size);
  bool place_small(const InodePtr& inode, uint32_t size);
  void flush_fragment();
  bool is_one_fragment() const;
  void take_pieces();

  const int file_, level_;
  const size_t most_jobs_;
  uint64_t position_;
  std::mutex mutex_;
  std::condition_variable work_, room_;
  std::deque<std::shared_ptr<Job>> jobs_;  // in order; the first is written next
  size_t taken_ = 0;                       // of these, as many are being compressed or done
  bool writing_ = false, complete_ = false, closed_ = false;
  std::exception_ptr failure_;
  std::vector<Buffer> buffers_;
  std::vector<std::thread> threads_;

  CopyRun copy_;
  uint64_t file_start_ = 0;  // of the file that is being written
  std::unordered_multimap<uint64_t, InodePtr> files_;
  std::vector<Fragment> fragments_;
  uint32_t fragment_count_ = 0;  // with those that are not written yet
  Buffer tail_;                  // the fragment that is being filled
  std::vector<Piece> pieces_;    // or what it is made of
  uint32_t tail_size_ = 0;
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
