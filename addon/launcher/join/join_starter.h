// The process that starts the peers of a group on this node: when it and they have exited, no other peer will come.
#pragma once
#include <sys/types.h>

#include "launcher/process/environment.h"

namespace chrun {

struct Starter {
  pid_t process = 0;         // 0: not known
  bool all_at_once = false;  // its children are the ranks, all of which it has started

  /// Whether no other peer can come: it has exited, or has started all its children and they have exited.
  bool is_done() const;
};

/// Under Slurm, the daemon of the step, whose children are its tasks. Else, when all peers have the same parent
/// because their tag says so, that parent; else nobody known.
Starter find_starter(const Environment& environment, bool same_parent);

}  // namespace chrun
