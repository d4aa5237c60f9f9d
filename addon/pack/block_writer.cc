#include "pack/block_writer.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace chrun::pack {
namespace {

using squashfs::kDataStored;

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
    : file_(file), level_(level), most_jobs_(4 * threads + 4), position_(position), copy_(file) {
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

Buffer BlockWriter::take_buffer() {
  const std::lock_guard lock(mutex_);
  if (buffers_.empty()) return {};
  Buffer buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

/// To wake a thread for each block costs more than to compress a small one: some wait for several.
bool BlockWriter::can_take() const {
  constexpr size_t kSeveral = 4;
  return jobs_.size() - taken_ >= (complete_ ? 1 : kSeveral) || closed_;
}

void BlockWriter::push(Job job) {
  std::unique_lock lock(mutex_);
  if (jobs_.size() >= most_jobs_) room_.wait(lock, [&] { return jobs_.size() <= most_jobs_ / 2 || failure_; });
  if (failure_) std::rethrow_exception(failure_);
  jobs_.push_back(std::make_shared<Job>(std::move(job)));
  if (can_take()) work_.notify_one();
}

void BlockWriter::add_block(const InodePtr& inode, Buffer block) { push({Job::Kind::block, inode, std::move(block)}); }

void BlockWriter::end_file(const InodePtr& inode) { push({Job::Kind::end, inode, {}}); }

void BlockWriter::add_copied(const InodePtr& inode, const PackedImage& image, uint64_t start) {
  Job job{Job::Kind::copied, inode, {}};
  job.file = image.file;
  job.start = start;
  push(std::move(job));
}

/// Whether the content is new: the inode gets the place of what is equal, or the next one in the fragment.
bool BlockWriter::place_small(const InodePtr& inode, uint32_t size) {
  const auto [known, fresh] = small_.try_emplace(inode->digest);
  if (fresh) {
    if (tail_size_ + size > kBlockSize) flush_fragment();
    known->second = {fragment_count_, tail_size_};
    tail_size_ += size;
  }
  inode->fragment = known->second.fragment;
  inode->fragment_offset = known->second.offset;
  return fresh;
}

void BlockWriter::add_small(const InodePtr& inode, std::span<const uint8_t> content) {
  if (content.empty()) return;
  Sha256 sha;
  sha.add(content);
  inode->digest = sha.finish();
  if (place_small(inode, static_cast<uint32_t>(content.size()))) tail_.append(content);
}

void BlockWriter::add_small_copied(const InodePtr& inode, const PackedImage& image, uint32_t fragment,
                                   uint32_t offset) {
  const auto size = static_cast<uint32_t>(inode->size);
  if (place_small(inode, size)) pieces_.push_back({image.file, image.fragments[fragment], offset, size});
}

void BlockWriter::end_group() {
  if (tail_size_ >= kBlockSize / 2) flush_fragment();
}

/// Whether what the fragment is made of is a whole one of another image.
bool BlockWriter::is_one_fragment() const {
  uint32_t offset = 0;
  for (const Piece& piece : pieces_) {
    const Piece& first = pieces_[0];
    if (piece.file != first.file || piece.fragment.start != first.fragment.start || piece.offset != offset)
      return false;
    offset += piece.size;
  }
  return !pieces_.empty() && offset == pieces_[0].fragment.plain;
}

void BlockWriter::take_pieces() {
  std::vector<uint8_t> stored, plain;
  const Piece* last = nullptr;
  for (const Piece& piece : pieces_) {
    const Fragment& fragment = piece.fragment;
    if (!last || last->file != piece.file || last->fragment.start != fragment.start) {
      stored.resize(stored_size(fragment.word));
      read_at(piece.file->get(), stored, fragment.start);
      plain = fragment.word & kDataStored ? stored : decompress_block(stored, fragment.plain);
    }
    last = &piece;
    tail_.append(std::span(plain).subspan(piece.offset, piece.size));
  }
}

void BlockWriter::flush_fragment() {
  if (tail_size_ == 0) return;
  ++fragment_count_;
  Job job{Job::Kind::fragment, nullptr, {}};
  if (is_one_fragment()) {
    job.kind = Job::Kind::copied_fragment;
    job.file = pieces_[0].file;
    job.start = pieces_[0].fragment.start;
    job.word = pieces_[0].fragment.word;
  } else {
    take_pieces();
    job.buffer = std::move(tail_);
    tail_ = take_buffer();
    tail_.resize(0);
  }
  job.plain = tail_size_;
  pieces_.clear();
  tail_size_ = 0;
  push(std::move(job));
}

void BlockWriter::work() {
  Compressor compressor(level_);
  Buffer spare;
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return can_take(); });
    if (taken_ >= jobs_.size()) return;
    while (taken_ < jobs_.size()) {
      const std::shared_ptr<Job> job = jobs_[taken_++];
      lock.unlock();
      compress(*job, compressor, spare);
      lock.lock();
      job->done = true;
      if (!writing_) write_ready(lock);
    }
  }
}

void BlockWriter::compress(Job& job, Compressor& compressor, Buffer& spare) {
  const auto plain = job.buffer.bytes();
  if (job.kind == Job::Kind::block && plain.size() == kBlockSize && is_zero(plain)) job.buffer.resize(0);
  if (job.buffer.size() == 0) return;
  spare.resize(kBlockSize);
  if (const size_t size = compressor.compress(plain, spare.bytes())) {
    spare.resize(size);
    std::swap(spare, job.buffer);
    job.word = static_cast<uint32_t>(size);
  } else {
    job.word = static_cast<uint32_t>(plain.size()) | kDataStored;
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
    if (buffers_.size() < most_jobs_) buffers_.push_back(std::move(job->buffer));
    if (jobs_.size() <= most_jobs_ / 2) room_.notify_one();
  }
  writing_ = false;
  room_.notify_all();
}

void BlockWriter::write(Job& job) {
  switch (job.kind) {
    case Job::Kind::end:
      return write_end(job);
    case Job::Kind::copied:
      return write_copied(job);
    case Job::Kind::copied_fragment:
      fragments_.push_back({position_, job.word, job.plain});
      copy_.add(job.file, job.start, position_, stored_size(job.word));
      position_ += stored_size(job.word);
      return;
    case Job::Kind::fragment:
      fragments_.push_back({position_, job.word, job.plain});
      break;
    case Job::Kind::block:
      if (job.inode->blocks.empty()) file_start_ = position_;
      if (job.word == 0) job.inode->holes += kBlockSize;
      job.inode->blocks.push_back(job.word);
      job.inode->hash = mix(job.inode->hash + job.word, job.buffer.bytes());
      break;
  }
  write_at(file_, job.buffer.bytes(), position_);
  position_ += job.buffer.size();
}

/// A file whose blocks are all there already gives its room back.
void BlockWriter::write_end(Job& job) {
  const InodePtr& inode = job.inode;
  inode->start = file_start_;
  const uint64_t size = position_ - file_start_;
  if (size == 0) return;
  if (const InodePtr other = find_equal(*inode, file_, file_start_, size)) {
    inode->start = other->start;
    position_ = file_start_;
  } else {
    files_.emplace(inode->hash, inode);
  }
}

void BlockWriter::write_copied(Job& job) {
  const InodePtr& inode = job.inode;
  uint64_t size = 0;
  for (const uint32_t word : inode->blocks) {
    size += stored_size(word);
    if (word == 0) inode->holes += kBlockSize;
  }
  inode->start = position_;
  if (size == 0) return;
  if (const InodePtr other = find_equal(*inode, job.file->get(), job.start, size)) {
    inode->start = other->start;
    return;
  }
  copy_.add(job.file, job.start, position_, size);
  position_ += size;
  files_.emplace(inode->hash, inode);
}

/// A file that was written before and has the same blocks as lie in `file`.
InodePtr BlockWriter::find_equal(const Inode& inode, int file, uint64_t start, uint64_t size) {
  const auto [first, last] = files_.equal_range(inode.hash);
  for (auto each = first; each != last; ++each) {
    const InodePtr& other = each->second;
    if (other->blocks != inode.blocks) continue;
    copy_.flush();
    std::vector<uint8_t> here(64 << 10), there(here.size());
    uint64_t done = 0;
    for (size_t part = 0; done < size; done += part) {
      part = std::min<uint64_t>(here.size(), size - done);
      read_at(file, std::span(here).first(part), start + done);
      read_at(file_, std::span(there).first(part), other->start + done);
      if (memcmp(here.data(), there.data(), part) != 0) break;
    }
    if (done == size) return other;
  }
  return nullptr;
}

uint64_t BlockWriter::finish() {
  flush_fragment();
  {
    std::unique_lock lock(mutex_);
    complete_ = true;
    work_.notify_all();
    room_.wait(lock, [&] { return failure_ || (jobs_.empty() && !writing_); });
    if (failure_) std::rethrow_exception(failure_);
    closed_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  copy_.flush();
  return position_;
}

}  // namespace chrun::pack
