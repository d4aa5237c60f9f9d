// Hands out the mount to launchers and knows when nobody will come any more.
#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "squashfs/meet/door.h"
#include "squashfs/server/mounter.h"

namespace chrun::squashfs {

class Doorkeeper {
 public:
  /// `launcher`: the connection to the launcher that started us. `listening`: empty for a private server.
  /// `tidy`: called a moment after wake(), and again after each time that it says true.
  /// `finish_reads`: called once or more as long as there is a mounter: some seconds after the start, when the first
  /// main process has ended, or else at the end.
  Doorkeeper(Fd launcher, Fd listening, std::function<bool()> tidy, std::function<void()> finish_reads);

  /// Reports why there will be no mount, by a packet as channel.h has it.
  void refuse(const std::string& refusal);
  /// The device of a mount that the launcher makes, which gets permission first. Ends the process if the launcher ends.
  Fd receive_device();
  /// Where the mount comes from, unless the launcher makes it.
  void set_mounter(Mounter mounter) { mounter_.emplace(std::move(mounter)); }
  /// Reads are recorded. `note`: said to each launcher, in words.
  void record_reads(std::string note) {
    note_ = std::move(note);
    reads_until_ = Clock::now() + kReadsWindow;
  }
  /// Gives the mount to the launcher and, unless private, to all who come, until a moment after the last main process
  /// has ended. Then closes the door and stays for tidying up. Does not return: the process ends with its mount.
  [[noreturn]] void run();

  /// Called by any thread: there will be something to tidy up.
  void wake() const;

 private:
  enum class Kind { listening, launcher, main_process };
  struct Watched {
    Kind kind;
    Fd descriptor;
  };

  bool watch(Kind kind, Fd descriptor);
  void forget(int number) { watched_.erase(number); }
  void handle(int number);
  void admit();
  bool grant(int socket, Fd main_process);
  void serve_launcher();
  void answer(int number);
  void open_or_close_door();
  void close_door();
  std::map<int, Watched>::iterator find_listening() {
    return std::find_if(watched_.begin(), watched_.end(),
                        [](const auto& each) { return each.second.kind == Kind::listening; });
  }
  int timeout() const;
  void pass_time();
  void finish_reads();

  static constexpr auto kReadsWindow = std::chrono::seconds(10);

  std::function<bool()> tidy_;
  std::function<void()> finish_reads_;
  Fd epoll_;
  Fd wake_;
  Fd launcher_;
  Fd listening_;
  std::optional<Mounter> mounter_;
  std::string identity_;
  std::map<int, Watched> watched_;
  size_t main_processes_ = 0;
  std::optional<Clock::time_point> close_at_;
  std::optional<Clock::time_point> tidy_at_;
  std::optional<Clock::time_point> reads_until_;
  std::string note_;
  bool private_ = false;  // serves one launcher, whose mount the mounter has given away
};

}  // namespace chrun::squashfs
