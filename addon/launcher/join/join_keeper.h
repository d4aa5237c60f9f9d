// The keeper of a join group: a process besides the winner that keeps the container until the last peer has entered it,
// even if the winner's command exits before, and that cleans up after peers that were killed.
//
// A process, because nothing else that needs no privilege keeps namespaces alive: they live as long as a process,
// a descriptor or a mount that refers to them. It holds nothing that others wait for: no descriptor but its own,
// no place in the terminal's or the shell's job, and it is not the command's child.
#pragma once
#include <sys/types.h>

#include "base/fd.h"
#include "launcher/join/join_starter.h"
#include "launcher/join/join_state.h"
#include "launcher/process/namespaces.h"

namespace chrun {

class Keeper {
 public:
  /// Starts the keeper of the group in `memory`, which this process creates; `timeout` as in JoinRequest; `starter` is
  /// who starts the peers.
  Keeper(JoinMemory& memory, int timeout, const Starter& starter);
  ~Keeper() { reap(); }
  Keeper(const Keeper&) = delete;

  /// Passes the namespaces to the keeper, and waits until it has them: then the others find them immediately, and do
  /// not consider the group abandoned when this process exits. Returns false if the keeper was killed, or is stopped.
  bool hand_over(const Namespaces& namespaces);
  /// Waits for the process between us and the keeper, which exits immediately.
  void reap();

 private:
  Fd socket_;
  pid_t between_ = 0;
};

}  // namespace chrun
