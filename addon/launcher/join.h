// --join: many processes, one container. The first one to come, the winner, creates it; the others enter it.
#pragma once
#include <optional>
#include <string>

#include "launcher/join_keeper.h"
#include "launcher/join_state.h"

namespace chrun {

class JoinGroup {
 public:
  /// Comes to the group, as the winner or as another peer. Throws Error if there is no place in it, or its name
  /// is not ours to use.
  explicit JoinGroup(JoinRequest request);
  /// Leaves, if neither enter() nor open() succeeded.
  ~JoinGroup();
  JoinGroup(const JoinGroup&) = delete;

  /// Whether this process is to create the container.
  bool won() const { return keeper_.has_value(); }
  /// For the winner: the container that this process is in is ready for the others.
  void open();
  /// For the winner: it can't be created, for this reason. The others stop with it.
  void fail(const std::string& why);
  /// For the others: waits until the container is ready, and enters it. A warning tells where it differs from
  /// what this process asks for. Throws Error if it will never be.
  void enter();

 private:
  void start_keeper();
  bool take_seat();
  void wait_until_ready();
  void stop_waiting(const std::string& why);
  std::optional<Namespaces> open_container(const std::string& user, const std::string& mount);
  std::optional<Namespaces> find_container();
  Namespaces await_container();
  void settle(bool entered);
  const ProcessId& winner() const { return (*memory_)->seat(0)->process; }
  Clock::time_point deadline() const { return started_ + std::chrono::seconds(request_.timeout); }

  const JoinRequest request_;
  const std::string name_;
  const ProcessId self_;
  const Clock::time_point started_ = Clock::now();
  std::optional<JoinMemory> memory_;
  std::optional<Keeper> keeper_;
  uint32_t seat_ = 0;
  bool settled_ = false;
};

}  // namespace chrun
