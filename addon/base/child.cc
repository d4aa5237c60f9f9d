#include "base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/fd.h"
#include "base/system_calls.h"

namespace chrun {
namespace {

class FileActions {
 public:
  explicit FileActions(const ChildStreams& streams) {
    posix_spawn_file_actions_init(&actions_);
    become(streams.input, STDIN_FILENO, O_RDONLY);
    become(streams.output, STDOUT_FILENO, O_WRONLY);
    become(streams.errors, STDERR_FILENO, O_WRONLY);
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  void become(int descriptor, int stream, int access) {
    // one that is the stream already is left as it is: open or closed
    if (descriptor < 0)
      posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null", access, 0);
    else if (descriptor != stream)
      posix_spawn_file_actions_adddup2(&actions_, descriptor, stream);
  }
  posix_spawn_file_actions_t actions_;
};

}  // namespace

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Child::Child(const std::string& program, const std::vector<std::string>& arguments, char* const* environment,
             const ChildStreams& streams)
    : program_(program) {
  const FileActions actions(streams);
  const int code =
      posix_spawnp(&pid_, program.c_str(), actions.get(), nullptr, pointers_to(arguments).data(), environment);
  if (code == 0) return;
  pid_ = -1;
  throw Refused("execve", code).cannot("start " + program);
}

Child::Child(Child&& other) noexcept : program_(std::move(other.program_)), pid_(std::exchange(other.pid_, -1)) {}

Child::~Child() {
  if (pid_ < 0) return;
  kill();
  wait_for_child(pid_, nullptr);
}

bool Child::ends_within(int milliseconds) const {
  const Fd process(static_cast<int>(syscall(kPidfdOpen, pid_, 0)));
  if (!process) return true;
  struct pollfd ending {
    process.get(), POLLIN, 0
  };
  int ready;
  do ready = poll(&ending, 1, milliseconds);
  while (ready < 0 && errno == EINTR);
  return ready != 0;
}

void Child::kill() const { ::kill(pid_, SIGKILL); }

int Child::wait() {
  int status = 0;
  if (wait_for_child(std::exchange(pid_, -1), &status) < 0) throw Refused("waitpid").cannot("wait for " + program_);
  return status;
}

}  // namespace chrun
