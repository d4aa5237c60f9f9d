// The named points of the join protocol, at which a test can stop or kill a peer. Outside that test's own build
// they are nothing at all.
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

/// For a keeper: it would be stopped at the points that it shares with peers, and stay when the peer is gone.
inline void join_forget_stop() { unsetenv("CH_RUN_JOIN_STOP"); }

}  // namespace chrun
#else
namespace chrun {
constexpr void join_checkpoint(const char*) {}
constexpr void join_forget_stop() {}
}  // namespace chrun
#endif
