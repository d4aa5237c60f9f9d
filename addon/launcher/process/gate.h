// Where the first process of a container waits until somebody starts it.
#pragma once
#include "launcher/process/channel.h"

namespace chrun {

class Gate {
 public:
  explicit Gate(Fd listening) : listening_(std::move(listening)) {}

  /// Returns when it is to be opened. Whoever asks for that gets failures reported from here on; success is seen
  /// by the end of the connection, which execve(2) closes. One that asks for nothing, or dies, changes nothing.
  void wait();
  /// What follows is the command: from here on a connection that ends without a failure is a success.
  void pass() {
    if (!passed_) starter_.send(kOpened);
    passed_ = true;
  }

  const Channel& starter() const { return starter_; }

  /// For who starts: asks for it, and waits until the first process is the command. Throws what that reported, or Error
  /// if it ended before.
  static void open(const Channel& gate);

 private:
  static constexpr char kOpen = 'o', kOpened = 'd';
  Fd listening_;
  Channel starter_;
  bool passed_ = false;
};

}  // namespace chrun
