#include "squashfs/server/reads_recorder.h"

namespace chrun::squashfs {
namespace {

constexpr size_t kMostNoted = kMostReads / 2;  // more than a record can have
constexpr size_t kFewSurprises = 8;            // one in so many: not worth writing a record

}  // namespace

void ReadsRecorder::expect(const std::vector<NeededBlock>& blocks) { expected_.insert(blocks.begin(), blocks.end()); }

void ReadsRecorder::note(const NeededBlock& block) {
  const std::lock_guard lock(mutex_);
  if (!on_ || blocks_.size() >= kMostNoted || !seen_.insert(block).second) return;
  blocks_.push_back(block);
  if (!expected_.contains(block)) ++surprises_;
}

std::string ReadsRecorder::finish(const ReadsKey& key) {
  const std::lock_guard lock(mutex_);
  if (!on_) return {};
  on_ = false;
  std::string record;
  if (surprises_ * kFewSurprises > blocks_.size()) record = encode_reads(key, blocks_);
  // no more memory than what is served needs
  expected_ = {}, seen_ = {}, blocks_ = {};
  return record;
}

}  // namespace chrun::squashfs
