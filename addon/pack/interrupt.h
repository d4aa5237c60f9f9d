// Signals that end the program, while it writes something that must not be left half done.
#pragma once
#include <csignal>

namespace chrun::pack {

/// While it lives, SIGINT, SIGTERM and SIGHUP only set a flag. Whoever catches Interrupted tidies up and calls raise().
class SignalsHeld {
 public:
  SignalsHeld();
  ~SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  struct sigaction before_[3];
};

/// Thrown by check_signals(), once a signal has come.
struct Interrupted {
  int signal;
};
void check_signals();

}  // namespace chrun::pack
