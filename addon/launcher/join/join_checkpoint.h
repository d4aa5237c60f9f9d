// The named points of the join protocol at which a test can stop or kill a peer. In all other builds they are empty.
#pragma once

#ifdef CH_RUN_JOIN_CHECKPOINTS
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace chrun {

/// Stops this process if the variable CH_RUN_JOIN_STOP names `point`, kills it if CH_RUN_JOIN_KILL does.
inline void join_checkpoint(const char* point) {
  const char *stop = getenv("CH_RUN_JOIN_STOP"), *kill = getenv("CH_RUN_JOIN_KILL");
  if (stop != nullptr && strcmp(stop, point) == 0) raise(SIGSTOP);
  if (kill != nullptr && strcmp(kill, point) == 0) raise(SIGKILL);
}

/// For a keeper: otherwise it would be stopped at the points that it shares with peers, and outlive the peer.
inline void join_forget_stop() { unsetenv("CH_RUN_JOIN_STOP"); }

}  // namespace chrun
#else
namespace chrun {
constexpr void join_checkpoint(const char*) {}
constexpr void join_forget_stop() {}
}  // namespace chrun
#endif
