#include "launcher/process/sides.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <csignal>

#include "base/error.h"
#include "base/files.h"

namespace chrun {
namespace {

/// As a shell sees it: dies of the same signal, or exits with the same status.
[[noreturn]] void end_as(int status) {
  if (WIFSIGNALED(status)) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // one core file is enough
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, nullptr);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
  }
  _exit(WEXITSTATUS(status));
}

}  // namespace

Sides::Sides() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Refused("socketpair").cannot("start the process of the container");
  Fd outside = above_standard(Fd(ends[0])), inside = above_standard(Fd(ends[1]));
  expect_.emplace();
  child_ = fork();
  if (child_ < 0) throw Refused("fork").cannot("start the process of the container");
  socket_ = std::move(is_outside() ? outside : inside);
  // the command finds signals as the caller left them
  if (!is_outside()) expect_.reset();
}

void Sides::meet(const std::string& name) {
  char byte = 0;
  // that nobody is there is found out by the answer that does not come
  while (send(socket_.get(), &byte, 1, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
  ssize_t got;
  do got = recv(socket_.get(), &byte, 1, 0);
  while (got < 0 && errno == EINTR);
  // a side outside that came to wait and was killed then is not there either; the container's may be done
  if (got == 1 && (is_outside() || !is_other_gone())) return;
  if (!is_outside()) throw Error("the process outside of the container ended before 'meet " + name + "'");
  const int status = await_child();
  if (WIFEXITED(status)) end_as(status);
  throw Error("the first process of the container was terminated by signal " + std::to_string(WTERMSIG(status)) +
              " before 'meet " + name + "'");
}

void Sides::require_outside() const {
  if (is_other_gone()) throw Error("the process outside of the container ended before the container was ready");
}

bool Sides::is_other_gone() const {
  pollfd end{socket_.get(), POLLIN, 0};
  return poll(&end, 1, 0) > 0 && (end.revents & POLLHUP);
}

void Sides::end_as_container() {
  for (const int number : {SIGINT, SIGQUIT}) signal(number, SIG_IGN);
  end_as(await_child());
}

int Sides::await_child() const {
  int status = 0;
  if (wait_for_child(child_, &status) < 0)
    throw Refused("waitpid").cannot("wait for the first process of the container");
  return status;
}

}  // namespace chrun
