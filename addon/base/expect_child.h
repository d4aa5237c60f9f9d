// Children that exist only before the command starts, which must not notice them.
#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
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

/// waitpid(2), continued after signals.
inline pid_t wait_for_child(pid_t child, int* status) {
  pid_t ended;
  do ended = waitpid(child, status, 0);
  while (ended < 0 && errno == EINTR);
  return ended;
}

}  // namespace chrun
