// The two processes of a launch with steps outside of the container while it is created.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/fd.h"
#include "launcher/process/channel.h"

namespace chrun {

class Sides {
 public:
  /// Forks: the parent is the side outside, the child becomes the container; in this control group of version 2, where
  /// one is given and the kernel allows it. Throws SysError.
  explicit Sides(const Fd& group);

  /// Whether the container's side is in that group.
  bool is_in_group() const { return in_group_; }

  bool is_outside() const { return child_ > 0; }
  /// For the side outside: the process that becomes the container, or that is its first one.
  pid_t child() const { return child_; }

  /// Waits until the other side also reaches the meeting called `name`. Throws Error if it has exited; but the side
  /// outside throws what the container's side reported.
  void meet(const std::string& name);

  /// Gives the other side a descriptor, and takes it there.
  void give(const std::string& name, const Fd& file);
  Fd take(const std::string& name);
  void give_text(const std::string& name, const std::string& text);
  std::string take_text(const std::string& name);

  /// For the container's side: goes on in a new process, a child of the process outside. Namespaces of processes have
  /// an effect on children only.
  void fork_init();
  /// The same, for the side outside: child() is that process from here on.
  void adopt_init();

  /// For the side outside: child() is this child of ours from here on.
  void adopt(pid_t child) { child_ = child; }

  /// For the side outside: waits until the container's comes to part().
  void await_ready();
  /// From here on each side goes its own way. The container's waits for the other's word.
  void part();

  /// For the container's side. Throws Error if the process outside has exited.
  void require_outside() const;
  /// For the container's side: tells the side outside, which says so. False if that has exited.
  bool report(const Error& failure) const { return channel_.report(failure); }
  bool warn(const std::string& message) const { return channel_.warn(message); }

  /// For the side outside: waits until the container's side is the command, or no longer there. Throws what that
  /// reported.
  void await_command();
  /// For the side outside: the end of the container's first process, as waitpid(2) has it.
  int await_end() const;
  /// The same, while signals that ask processes to end are passed on to it.
  int await_end_and_pass_on() const;
  /// For the side outside, when its work is done: waits for the end of the container's first process, and ends as that
  /// did. Signals that a terminal sends to both are for the command; SIGTERM and SIGHUP are passed on.
  [[noreturn]] void end_as_container();
  /// For the side outside: ends the container's first process, and waits for that.
  void kill_container();

 private:
  bool is_other_gone() const;
  std::optional<std::string> receive(char kind, Fd* file = nullptr);
  [[noreturn]] void fail_alone(const std::string& step) const;

  std::optional<ExpectChild> expect_;  // of the side outside
  Channel channel_;
  pid_t child_ = 0;
  bool in_group_ = false;
};

}  // namespace chrun
