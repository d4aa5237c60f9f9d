// Verifies the keeper of a join group: the door only names it, and a program in a container may have written that. The
// kernel reports what that process is. It is a real keeper if it is this user's, in this process's own user namespace,
// which no program in a container can enter, and has the name that keepers give themselves.
#pragma once
#include <sys/types.h>

#include <optional>

#include "base/fd.h"
#include "launcher/join/join_door.h"

namespace chrun {

/// What keepers are called in the process table, at most 15 bytes.
constexpr char kKeeperName[] = "ch-run-join";
/// The descriptor of the state in them.
constexpr int kStateNumber = 0;

class ProvedKeeper {
 public:
  /// The keeper that a door names; empty if there is no such process any more. Throws Error if it is not a keeper.
  static std::optional<ProvedKeeper> prove(pid_t process, const JoinDoor& door);

  pid_t process() const { return process_; }
  bool is_running() const;
  /// Opens one of its descriptors again: of exactly this process, or none, even if its number has been reused by now.
  Fd open_descriptor(int number, int flags) const;

 private:
  ProvedKeeper(pid_t process, Fd directory) : process_(process), directory_(std::move(directory)) {}

  pid_t process_;
  Fd directory_;  // /proc/PID
};

}  // namespace chrun
