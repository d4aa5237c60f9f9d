// Children that exist only before the command starts, which must not notice them.
#pragma once
#include <unistd.h>

#include <csignal>

namespace chrun {

/// While it exists, a child can be waited for, even if SIGCHLD is ignored; if SIGCHLD is blocked, none of ours stays
/// pending afterwards.
class ExpectChild {
 public:
  ExpectChild() : pending_(is_pending()), before_(signal(SIGCHLD, SIG_DFL)) {}
  ~ExpectChild() {
    signal(SIGCHLD, before_);  // this discards a pending one
    if (pending_) kill(getpid(), SIGCHLD);
  }
  ExpectChild(const ExpectChild&) = delete;
  ExpectChild& operator=(const ExpectChild&) = delete;

 private:
  static bool is_pending() {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGCHLD);
  }

  bool pending_;
  void (*before_)(int);
};

}  // namespace chrun
