#include "launcher/process/sides.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <csignal>

#include "base/files.h"
#include "base/system_calls.h"

namespace chrun {
namespace {

// kinds of messages
constexpr char kMeet = 'm', kFile = 'f', kText = 't', kInit = 'i', kReady = 'r', kPart = 'p';

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

/// fork(2), but a child of our parent.
pid_t fork_sibling() {
  constexpr unsigned long kFlags = CLONE_PARENT | SIGCHLD;
#ifdef __s390x__
  return static_cast<pid_t>(syscall(SYS_clone, nullptr, kFlags, nullptr, nullptr, nullptr));
#else
  return static_cast<pid_t>(syscall(SYS_clone, kFlags, nullptr, nullptr, nullptr, nullptr));
#endif
}

/// fork(2), but into a control group of version 2.
pid_t fork_into(const Fd& group) {
  CloneArguments how{};
  how.flags = kCloneIntoCgroup;
  how.exit_signal = SIGCHLD;
  how.cgroup = static_cast<uint64_t>(group.get());
  return static_cast<pid_t>(syscall(kClone3, &how, sizeof how));
}

volatile sig_atomic_t passed_on_to = 0;

void pass_on(int number) {
  if (passed_on_to > 0) kill(passed_on_to, number);
}

}  // namespace

Sides::Sides(const Fd& group) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw Refused("socketpair").cannot("start the process of the container");
  Fd inside = above_standard(Fd(ends[1]));
  channel_ = Channel(above_standard(Fd(ends[0])));
  channel_.know_senders();
  expect_.emplace();
  child_ = group ? fork_into(group) : -1;
  in_group_ = child_ >= 0;
  // before Linux 5.7, and where the user may not move a process from here to there
  if (!in_group_) child_ = fork();
  if (child_ < 0) throw Refused("fork").cannot("start the process of the container");
  if (!is_outside()) channel_ = Channel(std::move(inside));
  // the command finds signals as the caller left them
  if (!is_outside()) expect_.reset();
}

/// The text of the next message, which must be of this kind; nothing if the other side is gone.
std::optional<std::string> Sides::receive(char kind, Fd* file) {
  auto message = channel_.receive();
  if (!message) return {};
  if (message->kind != kind || (file != nullptr) != static_cast<bool>(message->file)) refuse_message();
  if (file != nullptr) *file = std::move(message->file);
  return std::move(message->text);
}

void Sides::fail_alone(const std::string& step) const {
  // why it ended may be unread yet
  while (is_outside() && channel_.receive()) continue;
  if (!is_outside()) throw Error("the process outside of the container ended before '" + step + "'");
  const int status = await_end();
  const std::string how = WIFSIGNALED(status) ? "was terminated by signal " + std::to_string(WTERMSIG(status))
                                              : "exited with status " + std::to_string(WEXITSTATUS(status));
  throw Error("the first process of the container " + how + " before '" + step + "'");
}

void Sides::meet(const std::string& name) {
  // that nobody is there is found out by the answer that does not come
  channel_.send(kMeet, name);
  const auto answer = receive(kMeet);
  // a side outside that came to wait and was killed then is not there either; the container's may be done
  if (answer && (is_outside() || !is_other_gone())) return;
  fail_alone("meet " + name);
}

void Sides::give(const std::string& name, const Fd& file) {
  if (!channel_.send(kFile, name, file.get())) fail_alone("pass " + name);
}

Fd Sides::take(const std::string& name) {
  Fd file;
  if (!receive(kFile, &file)) fail_alone("pass " + name);
  return file;
}

void Sides::give_text(const std::string& name, const std::string& text) {
  if (!channel_.send(kText, text)) fail_alone("pass " + name);
}

std::string Sides::take_text(const std::string& name) {
  auto text = receive(kText);
  if (!text) fail_alone("pass " + name);
  return std::move(*text);
}

void Sides::fork_init() {
  const pid_t child = fork_sibling();
  if (child < 0) throw Refused("clone").cannot("start the first process of the container");
  if (child > 0) _exit(0);
  // who it is outside, the kernel says along with this
  channel_.send(kInit);
}

void Sides::adopt_init() {
  const auto message = channel_.receive();
  if (!message) fail_alone("init");
  if (message->kind != kInit || message->sender <= 0) refuse_message();
  // the process that made the namespaces ends
  await_end();
  child_ = message->sender;
}

void Sides::await_ready() {
  if (!receive(kReady)) fail_alone("part");
}

void Sides::part() {
  if (is_outside()) {
    if (!channel_.send(kPart, {})) fail_alone("part");
  } else {
    if (!channel_.send(kReady) || !receive(kPart)) fail_alone("part");
    channel_.close();
  }
}

void Sides::require_outside() const {
  if (channel_ && is_other_gone())
    throw Error("the process outside of the container ended before the container was ready");
}

bool Sides::is_other_gone() const {
  pollfd end{channel_.get(), POLLIN, 0};
  return poll(&end, 1, 0) > 0 && (end.revents & POLLHUP);
}

void Sides::await_command() {
  if (channel_.receive()) refuse_message();
}

int Sides::await_end() const {
  int status = 0;
  if (wait_for_child(child_, &status) < 0)
    throw Refused("waitpid").cannot("wait for the first process of the container");
  return status;
}

int Sides::await_end_and_pass_on() const {
  passed_on_to = child_;
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2}) {
    // one that the caller ignores (nohup) is ignored by the command, too
    if (signal(number, pass_on) == SIG_IGN) signal(number, SIG_IGN);
  }
  return await_end();
}

void Sides::end_as_container() {
  // these a terminal sends to both
  for (const int number : {SIGINT, SIGQUIT}) signal(number, SIG_IGN);
  passed_on_to = child_;
  for (const int number : {SIGTERM, SIGHUP}) {
    if (signal(number, pass_on) == SIG_IGN) signal(number, SIG_IGN);
  }
  await_command();
  end_as(await_end());
}

void Sides::kill_container() {
  kill(child_, SIGKILL);
  int status = 0;
  wait_for_child(child_, &status);
}

}  // namespace chrun
