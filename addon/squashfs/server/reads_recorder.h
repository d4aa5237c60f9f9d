// Notes which blocks are asked for in the first seconds of a server.
#pragma once
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "squashfs/reader/reads.h"

namespace chrun::squashfs {

class ReadsRecorder {
 public:
  /// The record in use, before there is anything to note.
  void expect(const std::vector<NeededBlock>& blocks);
  /// Called by any thread.
  void note(const NeededBlock& block);
  /// Ends it. A record of what was noted; empty if that is mostly what was expected, or this has ended before.
  std::string finish(const ReadsKey& key);

 private:
  struct Hash {
    size_t operator()(const NeededBlock& block) const {
      return (block.key.position * 2 + block.metadata) * 0x9e3779b97f4a7c15u;
    }
  };
  struct Same {
    bool operator()(const NeededBlock& a, const NeededBlock& b) const {
      return a.key == b.key && a.metadata == b.metadata;
    }
  };
  using Set = std::unordered_set<NeededBlock, Hash, Same>;

  std::mutex mutex_;
  bool on_ = true;
  Set expected_, seen_;
  std::vector<NeededBlock> blocks_;
  size_t surprises_ = 0;  // of these, which were not expected
};

}  // namespace chrun::squashfs
