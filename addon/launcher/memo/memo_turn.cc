#include "launcher/memo/memo_turn.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "launcher/log/leading_words.h"
#include "launcher/memo/value_words.h"

namespace chrun {
namespace {

constexpr int kPatience = 2000;      // ms
constexpr int kMostAttempts = 10;    // with a name that is taken though nobody listens
constexpr long kMoment = 1'000'000;  // ns

/// The words that surely come before the user's command: up to `--`, or up to the first that is not an option.
std::string shared_words(char* const* words) {
  char* directory = getcwd(nullptr, 0);
  std::string shared = directory ? directory : "";
  free(directory);
  const size_t end = count_leading_words(words + 1) + 1;
  for (size_t i = 1; i <= end && words[i] != nullptr; i++) (shared += '\0') += without_value(words[i]);
  return shared;
}

/// A name in the abstract namespace of Unix sockets: local to the node whatever file systems it has, taken by
/// one process at a time, gone with it.
class Name {
 public:
  explicit Name(const std::string& words) {
    const std::string name =
        "ch-run-ts/turn/" + std::to_string(geteuid()) + "/" + std::to_string(std::hash<std::string>()(words));
    address_.sun_family = AF_UNIX;
    memcpy(address_.sun_path + 1, name.data(), name.size());
    size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  bool take(int socket) const { return bind(socket, pointer(), size_) == 0 && listen(socket, SOMAXCONN) == 0; }
  bool reach(int socket) const { return connect(socket, pointer(), size_) == 0; }

 private:
  const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&address_); }
  sockaddr_un address_{};
  socklen_t size_;
};

enum class Holder { ended, foreign, silent };

/// Waits for the end of the turn of whoever has the name: a connection that nobody accepts ends with it.
Holder wait_for_holder(const Name& name) {
  const Fd waiting(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!waiting || !name.reach(waiting.get())) return Holder::silent;
  ucred holder{};
  socklen_t size = sizeof holder;
  if (getsockopt(waiting.get(), SOL_SOCKET, SO_PEERCRED, &holder, &size) != 0 || holder.uid != geteuid())
    return Holder::foreign;
  pollfd end{waiting.get(), 0, 0};
  while (poll(&end, 1, kPatience) < 0 && errno == EINTR) {
  }
  return Holder::ended;
}

}  // namespace

Fd take_turn(char* const* words) {
  Fd holder(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  // 0, 1 and 2 stay closed where they were
  if (holder && holder.get() <= 2) holder = Fd(fcntl(holder.get(), F_DUPFD_CLOEXEC, 3));
  if (!holder) return {};
  const Name name(shared_words(words));
  if (name.take(holder.get())) return holder;
  if (errno != EADDRINUSE) return {};
  // a process that had to wait keeps no turn: later ones need not wait for it too
  for (int attempt = 0; attempt < kMostAttempts && wait_for_holder(name) == Holder::silent; attempt++) {
    // nobody listens there: not yet, or not any more, or for good
    const timespec moment{0, kMoment};
    nanosleep(&moment, nullptr);
  }
  return {};
}

}  // namespace chrun
