// The two processes of a launch with steps outside of the container while it is created.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/expect_child.h"
#include "base/fd.h"

namespace chrun {

class Sides {
 public:
  /// Forks: the parent is the side outside, the child becomes the container. Throws SysError.
  Sides();

  bool is_outside() const { return child_ > 0; }

  /// Waits until the other side also reaches the meeting called `name`. Throws Error if it has exited; but if the
  /// container's side has, and has reported why, the side outside exits with the same status.
  void meet(const std::string& name);

  /// For the container's side. Throws Error if the process outside has exited.
  void require_outside() const;

  /// For the side outside, when its work is done: waits for the end of the container's first process, and ends as that
  /// did. Signals that a terminal sends to both are for the command.
  [[noreturn]] void end_as_container();

 private:
  bool is_other_gone() const;
  int await_child() const;

  std::optional<ExpectChild> expect_;  // of the side outside
  Fd socket_;
  pid_t child_ = 0;
};

}  // namespace chrun
