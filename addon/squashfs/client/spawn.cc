#include "squashfs/client/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "base/error.h"

namespace chrun::squashfs {
namespace {

constexpr size_t kStackSize = 32 << 10;

/// What the two short-lived processes need. They share our memory, and we sleep meanwhile.
struct Start {
  int program;
  char* const* arguments;
  const std::vector<int>& inherited;
  char* stack_end;  // of the second process
  int failure = 0;
  const char* call = "";
};

int become_program(void* data) {
  auto& start = *static_cast<Start*>(data);
  for (const int descriptor : start.inherited) fcntl(descriptor, F_SETFD, 0);
  fcntl(start.program, F_SETFD, 0);  // a script's interpreter must be able to open it
  // empty: a profiler or library path meant for the user's command must not get into the server
  char* const environment[] = {nullptr};
  fexecve(start.program, start.arguments, environment);
  start.failure = errno;
  start.call = "execve";
  _exit(1);
}

int leave_orphan(void* data) {
  auto& start = *static_cast<Start*>(data);
  if (clone(become_program, start.stack_end, CLONE_VM | CLONE_VFORK, data) < 0) {
    start.failure = errno;
    start.call = "clone";
  }
  _exit(0);
}

/// No handler of ours may run in a process that shares our memory.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void spawn_orphan(const Program& program, const std::vector<std::string>& arguments,
                  const std::vector<int>& inherited) {
  std::vector<char*> words;
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const auto stacks = std::make_unique<char[]>(2 * kStackSize);
  Start start{program.file.get(), words.data(), inherited, stacks.get() + 2 * kStackSize};
  const BlockedSignals blocked;
  // exit signal 0: no SIGCHLD for the caller, and __WALL finds it all the same, even where SIGCHLD is ignored
  const pid_t first = clone(leave_orphan, stacks.get() + kStackSize, CLONE_VM | CLONE_VFORK, &start);
  if (first < 0) throw Refused("clone").cannot("start the file-system server");
  while (waitpid(first, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  if (start.failure) throw Refused(start.call, start.failure).cannot("start the file-system server " + program.path);
}

}  // namespace chrun::squashfs
