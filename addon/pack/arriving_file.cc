#include "pack/arriving_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "base/error.h"
#include "pack/interrupt.h"

namespace chrun::pack {
namespace {

constexpr auto kLook = std::chrono::milliseconds(10);

Fd open_to_read(const std::string& path) { return Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)); }

/// The part that has most of it: some may be left of processes that ended.
Fd open_part(const std::string& path) {
  const size_t slash = path.rfind('/') + 1;
  const std::string directory = path.substr(0, slash), start = path.substr(slash) + ".part.";
  const std::unique_ptr<DIR, int (*)(DIR*)> all(opendir(directory.c_str()), closedir);
  Fd best;
  off_t most = -1;
  while (const dirent* entry = all ? readdir(all.get()) : nullptr) {
    if (!std::string_view(entry->d_name).starts_with(start)) continue;
    Fd file = open_to_read(directory + entry->d_name);
    struct stat status;
    if (!file || fstat(file.get(), &status) != 0 || status.st_size <= most) continue;
    most = status.st_size;
    best = std::move(file);
  }
  return best;
}

}  // namespace

void ArrivingFile::wait() const {
  check_signals();
  if (stop_) throw Error("packing was given up");
  std::this_thread::sleep_for(kLook);
}

void ArrivingFile::find() {
  while (!(file_ = open_to_read(path_)) && !(file_ = open_part(path_))) wait();
}

size_t ArrivingFile::read(std::span<uint8_t> to) {
  const size_t wanted = std::min<uint64_t>(to.size(), size_ - position_);
  if (wanted == 0) return 0;
  if (!file_) find();
  for (;; wait()) {
    if (stop_) throw Error("packing was given up");
    const ssize_t got = pread(file_.get(), to.data(), wanted, static_cast<off_t>(position_));
    if (got < 0 && errno != EINTR) throw Refused("pread").cannot("read " + path_);
    if (got > 0) {
      position_ += static_cast<size_t>(got);
      return static_cast<size_t>(got);
    }
    struct stat status;
    if (got == 0 && fstat(file_.get(), &status) == 0 && status.st_nlink == 0) throw Error(path_ + " was rewritten");
  }
}

}  // namespace chrun::pack
