#include "launcher/process/seccomp.h"

#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/send_file.h"
#include "base/unix_socket.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

// of <linux/seccomp.h>, in which Linux before 4.17, 5.0 and 6.0 lacks them
constexpr unsigned long kLog = 2, kSpecAllow = 4, kNewListener = 8, kWaitKillable = 32;

unsigned digit(char letter) {
  constexpr std::string_view digits = "0123456789abcdef";
  const size_t value = digits.find(letter);
  if (value == std::string_view::npos) throw Error("the filter in the plan is not hexadecimal");
  return static_cast<unsigned>(value);
}

std::vector<sock_filter> to_program(std::string_view hexadecimal) {
  constexpr size_t size = sizeof(sock_filter);
  const size_t count = hexadecimal.size() / (2 * size);
  if (count == 0 || count > BPF_MAXINSNS || hexadecimal.size() % (2 * size) != 0) {
    throw Error("the filter in the plan has a wrong length: " + std::to_string(hexadecimal.size()));
  }
  std::string bytes;
  for (size_t i = 0; i < hexadecimal.size(); i += 2) {
    bytes += static_cast<char>(digit(hexadecimal[i]) << 4 | digit(hexadecimal[i + 1]));
  }
  std::vector<sock_filter> program(count);
  memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

}  // namespace

bool try_install_filter(std::vector<sock_filter>& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  const auto install = [&](unsigned long flags) {
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) == 0;
  };
  // else kernels before 5.16 turn on mitigations of speculative execution, which slow the whole command down: our
  // filters keep no program from reading what it may not. Kernels before 4.17 do not know the flag.
  return install(kSpecAllow) || (errno == EINVAL && install(0));
}

void install_filter(std::string_view hexadecimal, unsigned long flags) {
  constexpr const char* kAction = "install the filter of system calls";
  std::vector<sock_filter> program = to_program(hexadecimal);
  if (flags == 0) {
    if (!try_install_filter(program)) throw Refused("seccomp").cannot(kAction);
    return;
  }
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | kSpecAllow, &filter) != 0)
    throw Refused("seccomp").cannot(kAction);
}

unsigned long filter_flag(std::string_view name) {
  if (name == "LOG") return kLog;
  if (name == "WAIT_KILLABLE_RECV") return kWaitKillable;
  throw Error("unknown flag " + std::string(name) + " of the filter in the plan");
}

Fd connect_agent(const std::string& path) {
  return connect_to(path, SOCK_STREAM, "reach the seccomp agent at " + path);
}

namespace {

/// Waits until it is read; false if the agent hung up before. That it did so after it had read all is no error.
bool is_taken(const Fd& socket) {
  for (;;) {
    int unread = 0;
    if (ioctl(socket.get(), SIOCOUTQ, &unread) != 0) return false;
    // in this order: what an agent leaves unread goes when it hangs up, after the socket has got its error
    char byte;
    const ssize_t end = recv(socket.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (end < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (end == 0 || unread == 0) return true;
    usleep(200);
  }
}

/// What this process and a thread of it without the filter tell each other without a system call: the filter may have
/// each of them wait for an agent that knows nothing yet.
struct Exchange {
  std::atomic<long> listener{-1};  // a descriptor; -2: there will be none
  std::atomic<bool> taken{false};
};

void hand_over(Exchange& exchange, const Fd& agent, const std::string& message) {
  while (exchange.listener == -1) usleep(100);
  const long listener = exchange.listener;
  if (listener < 0) return;
  const ssize_t sent = send_file(agent.get(), message, static_cast<int>(listener));
  close(static_cast<int>(listener));
  if (sent == static_cast<ssize_t>(message.size()) && is_taken(agent)) return exchange.taken.store(true);
  // the other thread can't say so: nobody answers for its system calls
  log::error(Error("the seccomp agent has gone away, and took no descriptor"));
  _exit(static_cast<int>(Exit::failure));
}

}  // namespace

void install_filter_of_agent(std::string_view hexadecimal, unsigned long flags, const Fd& agent,
                             const std::string& message) {
  std::vector<sock_filter> program = to_program(hexadecimal);
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  // they outlive this function: the thread may still read them while it ends
  auto& exchange = *new Exchange;
  std::thread(hand_over, std::ref(exchange), std::cref(agent), std::cref(message)).detach();
  const long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | kSpecAllow | kNewListener, &filter);
  const int code = errno;
  exchange.listener = listener < 0 ? -2 : listener;
  if (listener < 0) throw Refused("seccomp", code).cannot("install the filter of system calls for an agent");
  while (!exchange.taken) continue;
}

}  // namespace chrun
