#include "pack/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace chrun::pack {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(200);
constexpr double kMega = 1 << 20;

}  // namespace

void Progress::begin_part(std::string name, uint64_t size) {
  before_ += size_;
  size_ = size;
  done_ = 0;
  name_ = std::move(name);
}

void Progress::at(uint64_t done) {
  done_ = done;
  if (!shown_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kInterval;
  show(now);
}

void Progress::show(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double read = static_cast<double>(before_ + done_), rate = read / seconds;
  const double left = rate > 0 ? std::max(0.0, static_cast<double>(total_) - read) / rate : 0;
  char line[160];
  const int size = snprintf(line, sizeof line, "\r\x1b[K%.60s  %.0f of %.0f MiB  %.0f MiB/s  %.0f s left",
                            name_.c_str(), read / kMega, static_cast<double>(total_) / kMega, rate / kMega, left);
  visible_ = ::write(STDERR_FILENO, line, std::min<size_t>(static_cast<size_t>(size), sizeof line - 1)) > 0;
}

void Progress::clear() {
  constexpr char kClear[] = "\r\x1b[K";
  if (visible_ && ::write(STDERR_FILENO, kClear, sizeof kClear - 1) < 0) visible_ = false;
}

}  // namespace chrun::pack
