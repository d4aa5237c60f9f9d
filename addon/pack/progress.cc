#include "pack/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/json_string.h"

namespace chrun::pack {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(200), kJsonInterval = std::chrono::milliseconds(1000);
constexpr double kMega = 1 << 20;

}  // namespace

void Progress::begin_part(std::string name, uint64_t size) {
  before_ += size_;
  size_ = size;
  done_ = 0;
  name_ = std::move(name);
  if (shown_ == Shown::json) show_json();
}

void Progress::at(uint64_t done) {
  done_ = done;
  if (shown_ == Shown::none) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + (shown_ == Shown::line ? kInterval : kJsonInterval);
  if (shown_ == Shown::line)
    show_line(now);
  else
    show_json();
}

/// As messages are with --log=json.
void Progress::show_json() const {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  std::string line = "{\"time\":" + std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
  line += ",\"program\":\"ch-image-ts\",\"pid\":" + std::to_string(getpid()) + ",\"level\":\"progress\",\"message\":";
  append_json_string(line, name_);
  line += ",\"done\":" + std::to_string(before_ + done_) + ",\"total\":" + std::to_string(total_) + "}\n";
  // failures of that are ignored
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

void Progress::show_line(Clock::time_point now) {
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
