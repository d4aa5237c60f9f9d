// --join: many processes, one container. The first to arrive, the winner, creates it; the others enter it.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "launcher/join/join_keeper.h"
#include "launcher/join/join_proof.h"
#include "launcher/join/join_state.h"

namespace chrun {

class JoinGroup {
 public:
  /// Joins the group, as the winner or as another peer. Throws Error if it is full, or its name can't be used.
  explicit JoinGroup(JoinRequest request);
  /// Leaves, if neither enter() nor open() succeeded.
  ~JoinGroup();
  JoinGroup(const JoinGroup&) = delete;

  /// Whether this process shall create the container.
  bool won() const { return keeper_.has_value(); }
  /// For the winner: the container that this process is in, with its own namespaces of these kinds, is ready for the
  /// others.
  void open(NamespaceSet set);
  /// For the winner: it can't be created, for this reason. The others stop with it.
  void fail(const Error& why);
  /// For the others: waits until the container is ready, and enters it; returns which namespaces are its own. A warning
  /// says how it differs from this process's request. Throws Error if it will never be ready.
  NamespaceSet enter();

 private:
  void start_keeper();
  bool reach_group(JoinDoor door);
  bool take_seat();
  void check_time(const std::string& process, const char* work) const;
  void wait_until_ready();
  void stop_waiting(const Error& why, const std::string& message);
  std::optional<Namespaces> if_of_container(const std::function<Fd(size_t)>& open) const;
  std::optional<Namespaces> find_container() const;
  bool is_container_to_come() const;
  Namespaces await_container();
  void settle(bool entered);
  const ProcessId& winner() const { return (*memory_)->seat(0)->process; }
  Clock::time_point deadline() const { return started_ + std::chrono::seconds(request_.timeout); }

  const JoinRequest request_;
  const ProcessId self_;
  const Clock::time_point started_ = Clock::now();
  std::optional<JoinMemory> memory_;
  std::optional<Keeper> keeper_;        // of the winner
  std::optional<ProvedKeeper> proved_;  // of the others
  uint32_t seat_ = 0;
  bool settled_ = false;
};

/// Removes the names of this user's groups that lost all their processes to SIGKILL at once, keeper included, as
/// Slurm does it at the end of a step: only a later process can clean up after them. That with the name `own` stays.
void sweep_abandoned_groups(const std::string& own = {});

}  // namespace chrun
