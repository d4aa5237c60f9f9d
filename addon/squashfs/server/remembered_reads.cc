#include "squashfs/server/remembered_reads.h"

#include <unistd.h>

#include <algorithm>

#include "squashfs/server/mounter.h"

namespace chrun::squashfs {
namespace {

constexpr size_t kUsualBlock = 6;  // bytes in a record

}  // namespace

RememberedReads::RememberedReads(const FileSystem& files, const Pressure& pressure, ReadsStore store, uint64_t command,
                                 int channel)
    : files_(files), key_{files.image.identity(), command}, store_(std::move(store)), channel_(channel) {
  if (!store_) return;
  record_ = store_.load(key_);
  if (record_.empty()) store_.make_room();
  store_.close_directory();
  const auto watch = [this](bool metadata) {
    return [this, metadata](const BlockKey& key) {
      recorder_.note({key, metadata});
      if (ahead_) ahead_->pass();
    };
  };
  files.metadata.on_demand(watch(true));
  files.data.on_demand(watch(false));
  size_t count = count_of_reads(record_);
  if (record_.empty() && has_shipped())
    count = std::min<uint64_t>(files.image.bytes_behind(), kMostReads) / kUsualBlock + 1;
  if (count == 0) return;
  ahead_.emplace(files, pressure);
  ahead_->start_threads(count);
}

bool RememberedReads::has_shipped() const { return files_.image.bytes_behind() > files_.image.padding(); }

std::optional<std::string> RememberedReads::begin() {
  if (!store_.is_shared()) return {};
  auto blocks = decode_reads(record_, key_);
  const bool shipped = record_.empty() && has_shipped();
  if (shipped) blocks = find_reads(files_.image.read_behind(kMostShipped), key_);
  record_ = {};
  if (!blocks) {
    if (ahead_) ahead_->stop();
    return "no reads of this command are remembered: they are recorded";
  }
  recorder_.expect(*blocks);
  const std::string note = (shipped ? "reads that came with the image: " : "remembered reads: ") +
                           std::to_string(blocks->size()) + " blocks";
  if (ahead_) ahead_->begin(std::move(*blocks));
  return note;
}

void RememberedReads::finish() {
  if (!store_.is_shared()) return;
  // whoever comes second may end the process as soon as this returns
  const std::lock_guard lock(finish_mutex_);
  if (ahead_) ahead_->stop();
  const std::string record = recorder_.finish(key_);
  if (record.empty()) return;
  store_.put(record);
  const std::string words = Mounter::save_words(key_, record.size());
  (void)!write(channel_, words.data(), words.size());
}

}  // namespace chrun::squashfs
