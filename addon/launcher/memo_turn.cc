#include "launcher/memo_turn.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "launcher/leading_words.h"

namespace chrun {
namespace {

constexpr int kMostWaits = 1000;
constexpr long kWaitNanoseconds = 2'000'000;

/// The words that surely come before the user's command: up to `--`, or up to the first that is no option.
std::string shared_words(char* const* words) {
  char* directory = getcwd(nullptr, 0);
  std::string shared = directory ? directory : "";
  free(directory);
  const size_t end = count_leading_words(words + 1) + 1;
  for (size_t i = 1; i <= end && words[i] != nullptr; i++) (shared += '\0') += words[i];
  return shared;
}

/// A name in the abstract namespace of Unix sockets: local to the node whatever file systems it has, taken by
/// one process at a time, gone with it.
bool try_turn(int socket, const std::string& words) {
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string name =
      "ch-run-ts/turn/" + std::to_string(geteuid()) + "/" + std::to_string(std::hash<std::string>()(words));
  memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + 1 + name.size());
  return bind(socket, reinterpret_cast<const struct sockaddr*>(&address), size) == 0;
}

}  // namespace

Turn take_turn(char* const* words) {
  Turn turn;
  Fd holder(socket(AF_UNIX, SOCK_DGRAM, 0));
  // 0, 1 and 2 stay closed where they were
  if (holder && holder.get() <= 2) holder = Fd(fcntl(holder.get(), F_DUPFD, 3));
  if (!holder) return turn;
  const std::string shared = shared_words(words);
  for (int wait = 0; wait < kMostWaits; wait++) {
    if (try_turn(holder.get(), shared)) {
      // who had to wait keeps no turn: the next ones need not wait for him too
      if (!turn.waited) turn.holder = std::move(holder);
      return turn;
    }
    if (errno != EADDRINUSE) return turn;
    turn.waited = true;
    const struct timespec pause { 0, kWaitNanoseconds };
    nanosleep(&pause, nullptr);
  }
  return turn;
}

}  // namespace chrun
