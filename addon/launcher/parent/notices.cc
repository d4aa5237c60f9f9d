#include "launcher/parent/notices.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "base/error.h"
#include "base/system_calls.h"
#include "base/unix_socket.h"

namespace chrun {
namespace {

constexpr const char* kVariable = "NOTIFY_SOCKET";
constexpr const char* kSocket = "notify.sock";
constexpr std::string_view kReady = "READY=1";

/// What concerns the state of the service. Which process is the main one, and descriptors to keep, are not for a
/// container to say.
constexpr std::string_view kPassed[] = {
    kReady, "STOPPING=1", "RELOADING=1", "MONOTONIC_USEC=", "STATUS=", "ERRNO=", "WATCHDOG=", "EXTEND_TIMEOUT_USEC="};

std::string passed_lines(const std::string& notice) {
  std::istringstream lines(notice);
  std::string passed;
  for (std::string line; std::getline(lines, line);) {
    if (std::ranges::any_of(kPassed, [&](std::string_view word) { return line.starts_with(word); }))
      passed += line + "\n";
  }
  return passed;
}

bool is_ready(const std::string& lines) {
  return ("\n" + lines).find("\n" + std::string(kReady) + "\n") != std::string::npos;
}

/// To the manager: a path, or a name in the abstract namespace. One that has gone away is no matter.
void tell_manager(const std::string& lines) {
  const char* name = getenv(kVariable);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t size = strlen(name);
  if (lines.empty() || size >= sizeof address.sun_path) return;
  memcpy(address.sun_path, name, size);
  if (*name == '@') address.sun_path[0] = 0;
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  if (sendto(socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
             length) < 0)
    return;
}

/// The lines that have come; empty if there is nothing to read.
std::string next_lines(const Fd& notices, bool& is_there) {
  char bytes[4096];
  const ssize_t size = recv(notices.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  is_there = size >= 0;
  return size > 0 ? passed_lines(std::string(bytes, static_cast<size_t>(size))) : std::string();
}

/// Until `tell` says that it is enough, or the process has ended and has nothing more to say.
template <typename Tell>
void pass_on(const Fd& notices, const ProcessId& first, Tell tell) {
  constexpr int kStep = 100;
  const Fd handle(static_cast<int>(syscall(kPidfdOpen, first.pid, 0)));
  for (bool alive = true; alive;) {
    pollfd events[] = {{notices.get(), POLLIN, 0}, {handle.get(), POLLIN, 0}};
    // before Linux 5.3, the end of a process is no event
    if (poll(events, 2, handle ? -1 : kStep) < 0 && errno != EINTR) return;
    alive = is_alive(first);
    for (bool is_there = true; is_there;) {
      const std::string lines = next_lines(notices, is_there);
      if (!lines.empty() && !tell(lines)) return;
    }
  }
}

}  // namespace

Fd listen_for_notices(const Container& container) {
  const char* manager = getenv(kVariable);
  if (manager == nullptr || (*manager != '/' && *manager != '@')) return {};
  const Fd directory = container.notices();
  if (!directory) return {};
  const std::string action = "listen for notices of the container";
  Fd notices(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!notices) throw Refused("socket").cannot(action);
  unlinkat(directory.get(), kSocket, 0);
  const sockaddr_un address = address_in(directory, kSocket);
  if (bind(notices.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Refused("bind").cannot(action);
  // for every user of the container; nobody else can reach the directory
  if (fchmodat(directory.get(), kSocket, 0666, 0) != 0) throw Refused("chmod").cannot(action);
  return notices;
}

void pass_on_until_ready(const Fd& notices, const ProcessId& first) {
  pass_on(notices, first, [&](const std::string& lines) {
    const bool ready = is_ready(lines);
    tell_manager((ready ? "MAINPID=" + std::to_string(first.pid) + "\n" : "") + lines);
    return !ready;
  });
}

pid_t pass_on_beside(const Fd& notices, const ProcessId& first) {
  const pid_t child = fork();
  if (child < 0) throw Refused("fork").cannot("pass on notices of the container");
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // it ends with the container, whatever a terminal sends to all
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP}) signal(number, SIG_IGN);
  pass_on(notices, first, [](const std::string& lines) {
    tell_manager(lines);
    return true;
  });
  _exit(0);
}

}  // namespace chrun
