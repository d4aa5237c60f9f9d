#include "launcher/doctor/neighbour.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/fd.h"

namespace chrun {
namespace {

[[noreturn]] void live(void (*begin)(), const Fd& told) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int code = 0;
  try {
    begin();
  } catch (const SysError& refusal) {
    code = refusal.code();
  }
  if (write(told.get(), &code, sizeof code) == sizeof code && code == 0)
    for (;;) pause();
  _exit(0);
}

}  // namespace

Neighbour::Neighbour(void (*begin)(), const char* action) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Refused("pipe").cannot("make a pipe");
  const Fd ready(ends[0]);
  Fd told(ends[1]);
  pid_ = fork();
  if (pid_ < 0) throw Refused("fork").cannot("make a process");
  if (pid_ == 0) live(begin, told);
  told.reset();
  int code = EIO;
  if (read(ready.get(), &code, sizeof code) != sizeof code || code != 0) {
    wait_for_child(pid_, nullptr);
    throw Refused("unshare", code).cannot(action);
  }
}

Neighbour::~Neighbour() {
  kill(pid_, SIGKILL);
  wait_for_child(pid_, nullptr);
}

}  // namespace chrun
