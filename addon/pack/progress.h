// What is said while an image is packed: on a terminal, one line that changes; or a JSON object a line.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace chrun::pack {

class Progress {
 public:
  enum class Shown { none, line, json };

  /// `total`: bytes of all that will be read, as it is stored.
  Progress(Shown shown, uint64_t total) : shown_(shown), total_(total) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin_part(std::string name, uint64_t size);
  /// So many bytes of the part were read.
  void at(uint64_t done);

 private:
  using Clock = std::chrono::steady_clock;
  void show_line(Clock::time_point now);
  void show_json() const;
  void clear();

  const Shown shown_;
  const uint64_t total_;
  uint64_t before_ = 0, size_ = 0, done_ = 0;
  std::string name_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_ + std::chrono::milliseconds(300);
  bool visible_ = false;
};

}  // namespace chrun::pack
