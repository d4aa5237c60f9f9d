// The keeper of a join group: a process beside the winner that keeps the container until the last peer is in it,
// though the winner's command may end before, and that cleans up after peers that were killed.
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

  /// Hands over what it is to keep, and waits until it has that: then the others find it at once, and do not take the
  /// group for abandoned when this process ends. Returns false if it was killed, or is stopped.
  bool hand_over(const Namespaces& namespaces);
  /// Waits for the process between us and the keeper, which ends at once.
  void reap();

 private:
  Fd socket_;
  pid_t between_ = 0;
};

}  // namespace chrun
