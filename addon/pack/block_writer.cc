#include "pack/block_writer.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "base/error.h"
#include "pack/compressor.h"
#include "squashfs/reader/format.h"

namespace chrun::pack {
namespace {

using squashfs::kDataStored;

void write_at(int file, std::span<const uint8_t> bytes, uint64_t position) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw Refused("pwrite").cannot("write the image");
    bytes = bytes.subspan(static_cast<size_t>(put));
    position += static_cast<size_t>(put);
  }
}

/// Distinguishes; what is taken for equal is compared.
uint64_t mix(uint64_t hash, std::span<const uint8_t> bytes) {
  constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    memcpy(&word, bytes.data() + at, sizeof word);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 29;
  }
  for (; at < bytes.size(); ++at) hash = (hash ^ bytes[at]) * kPrime;
  return hash;
}

bool is_zero(std::span<const uint8_t> bytes) {
  return bytes.empty() || (bytes[0] == 0 && memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

BlockWriter::BlockWriter(int file, uint64_t position, int level, unsigned threads)
    : file_(file), level_(level), most_jobs_(4 * threads + 4), position_(position) {
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& failure) {
    // a limit of the user's: fewer threads serve as well
    if (threads_.empty())
      throw Refused("pthread_create", failure.code().value()).cannot("start a thread that compresses");
  }
}

BlockWriter::~BlockWriter() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    jobs_.clear();
    taken_ = 0;
    if (!failure_) failure_ = std::make_exception_ptr(Error("the image is not written to its end"));
  }
  work_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::vector<uint8_t> BlockWriter::take_buffer() {
  const std::lock_guard lock(mutex_);
  std::vector<uint8_t> buffer;
  if (!buffers_.empty()) {
    buffer = std::move(buffers_.back());
    buffers_.pop_back();
  }
  buffer.resize(kBlockSize);
  return buffer;
}

void BlockWriter::push(Job job) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return jobs_.size() < most_jobs_ || failure_; });
  if (failure_) std::rethrow_exception(failure_);
  jobs_.push_back(std::make_shared<Job>(std::move(job)));
  work_.notify_one();
}

void BlockWriter::add_block(const InodePtr& inode, std::vector<uint8_t> block) {
  push({Job::Kind::block, inode, std::move(block)});
}

void BlockWriter::end_file(const InodePtr& inode) { push({Job::Kind::end, inode, {}}); }

void BlockWriter::flush_fragment() {
  if (tail_.empty()) return;
  ++fragment_count_;
  push({Job::Kind::fragment, nullptr, std::move(tail_)});
  tail_.clear();
}

void BlockWriter::add_small(const InodePtr& inode, std::vector<uint8_t> content) {
  if (content.empty()) return;
  Sha256 sha;
  sha.add(content);
  const auto [known, fresh] = small_.try_emplace(sha.finish());
  if (fresh) {
    if (tail_.size() + content.size() > kBlockSize) flush_fragment();
    known->second = {fragment_count_, static_cast<uint32_t>(tail_.size())};
    tail_.insert(tail_.end(), content.begin(), content.end());
  }
  inode->fragment = known->second.fragment;
  inode->fragment_offset = known->second.offset;
}

void BlockWriter::work() {
  Compressor compressor(level_);
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return taken_ < jobs_.size() || closed_; });
    if (taken_ >= jobs_.size()) return;
    const std::shared_ptr<Job> taken = jobs_[taken_++];
    Job& job = *taken;
    lock.unlock();
    const bool hole = job.kind == Job::Kind::block && job.bytes.size() == kBlockSize && is_zero(job.bytes);
    if (hole || job.kind == Job::Kind::end) {
      job.bytes.clear();
    } else if (const auto packed = compressor.compress(job.bytes); !packed.empty()) {
      memcpy(job.bytes.data(), packed.data(), packed.size());
      job.bytes.resize(packed.size());
      job.word = static_cast<uint32_t>(packed.size());
    } else {
      job.word = static_cast<uint32_t>(job.bytes.size()) | kDataStored;
    }
    lock.lock();
    job.done = true;
    if (!writing_) write_ready(lock);
  }
}

/// One thread at a time writes what is ready at the front, while the others compress.
void BlockWriter::write_ready(std::unique_lock<std::mutex>& lock) {
  writing_ = true;
  while (!jobs_.empty() && jobs_.front()->done && !failure_) {
    const std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    --taken_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      write(*job);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && !failure_) failure_ = failure;
    if (job->bytes.capacity() >= kBlockSize && buffers_.size() < most_jobs_) buffers_.push_back(std::move(job->bytes));
    room_.notify_one();
  }
  writing_ = false;
  room_.notify_all();
}

void BlockWriter::write(Job& job) {
  if (job.kind == Job::Kind::end) return write_end(job);
  if (job.kind == Job::Kind::fragment) {
    fragments_.push_back({position_, job.word});
  } else {
    if (job.inode->blocks.empty()) {
      file_start_ = position_;
      file_hash_ = 0;
    }
    if (job.word == 0) job.inode->holes += kBlockSize;
    job.inode->blocks.push_back(job.word);
    file_hash_ = mix(file_hash_ + job.word, job.bytes);
  }
  write_at(file_, job.bytes, position_);
  position_ += job.bytes.size();
}

/// A file whose blocks are all there already gives its room back.
void BlockWriter::write_end(Job& job) {
  const InodePtr& inode = job.inode;
  inode->start = file_start_;
  const uint64_t size = position_ - file_start_;
  if (size == 0) return;
  const auto [first, last] = files_.equal_range(file_hash_);
  for (auto each = first; each != last; ++each) {
    const Inode& other = *each->second;
    if (other.blocks != inode->blocks || !is_equal(other.start, file_start_, size)) continue;
    inode->start = other.start;
    position_ = file_start_;
    return;
  }
  files_.emplace(file_hash_, inode);
}

bool BlockWriter::is_equal(uint64_t one, uint64_t other, uint64_t size) const {
  std::vector<uint8_t> here(64 << 10), there(here.size());
  for (uint64_t done = 0; done < size;) {
    const size_t part = std::min<uint64_t>(here.size(), size - done);
    if (pread(file_, here.data(), part, static_cast<off_t>(one + done)) != static_cast<ssize_t>(part)) return false;
    if (pread(file_, there.data(), part, static_cast<off_t>(other + done)) != static_cast<ssize_t>(part)) return false;
    if (memcmp(here.data(), there.data(), part) != 0) return false;
    done += part;
  }
  return true;
}

uint64_t BlockWriter::finish() {
  flush_fragment();
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return failure_ || (jobs_.empty() && !writing_); });
    if (failure_) std::rethrow_exception(failure_);
    closed_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  return position_;
}

}  // namespace chrun::pack
