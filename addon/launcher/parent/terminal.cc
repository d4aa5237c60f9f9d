#include "launcher/parent/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>

#include <csignal>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/send_file.h"
#include "base/unix_socket.h"

namespace chrun {
namespace {

/// Our own terminal, raw until this object ends.
class RawTerminal {
 public:
  RawTerminal() : raw_(tcgetattr(STDIN_FILENO, &before_) == 0) { set(); }
  ~RawTerminal() { restore(); }
  void set() const {
    if (!raw_) return;
    termios changed = before_;
    cfmakeraw(&changed);
    tcsetattr(STDIN_FILENO, TCSANOW, &changed);
  }
  void restore() const {
    if (raw_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool raw_;
};

void copy_size(const Fd& terminal) {
  winsize size;
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ioctl(terminal.get(), TIOCSWINSZ, &size);
}

/// What was read on one side and is to be written on the other; false at the end.
bool copy(int from, int to) {
  char buffer[4096];
  const ssize_t got = ::read(from, buffer, sizeof buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (got <= 0) return false;
  for (ssize_t done = 0; done < got;) {
    const ssize_t put = ::write(to, buffer + done, static_cast<size_t>(got - done));
    if (put < 0 && errno == EAGAIN) {
      pollfd room{to, POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (put < 0 && errno != EINTR) {
      return false;
    }
    if (put > 0) done += put;
  }
  return true;
}

sigset_t relayed_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGWINCH, SIGCHLD, SIGTSTP, SIGCONT, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2})
    sigaddset(&set, number);
  return set;
}

/// Job control of the caller's shell: it has its terminal as it was while this process is stopped.
void stop_like_a_job(const RawTerminal& raw) {
  raw.restore();
  // the signal that came is blocked: this one stops at once
  raise(SIGSTOP);
}

/// False once the container's first process has ended, in `status`.
bool handle_signal(const Fd& signals, const Fd& terminal, const RawTerminal& raw, const Sides& sides, int& status) {
  signalfd_siginfo info;
  if (::read(signals.get(), &info, sizeof info) != sizeof info) return true;
  if (info.ssi_signo == SIGWINCH)
    copy_size(terminal);
  else if (info.ssi_signo == SIGTSTP)
    stop_like_a_job(raw);
  else if (info.ssi_signo == SIGCONT)
    raw.set(), copy_size(terminal);
  else if (info.ssi_signo == SIGCHLD)
    return waitpid(sides.child(), &status, WNOHANG) != sides.child();
  else
    kill(sides.child(), static_cast<int>(info.ssi_signo));
  return true;
}

}  // namespace

void send_terminal(const std::string& path, const Fd& terminal) {
  const Fd connection = connect_to(path, SOCK_STREAM, "connect to the console socket " + path);
  if (send_file(connection.get(), "/dev/pts/console", terminal.get()) < 0)
    throw Refused("sendmsg").cannot("send the terminal to the console socket " + path);
}

int relay_terminal(const Fd& terminal, const Sides& sides) {
  const sigset_t set = relayed_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const Fd signals(signalfd(-1, &set, SFD_CLOEXEC));
  if (!signals) throw Refused("signalfd").cannot("relay the container's terminal");
  const RawTerminal raw;
  copy_size(terminal);
  int status = 0;
  bool running = waitpid(sides.child(), &status, WNOHANG) != sides.child(), input = true, output = true;
  while (running) {
    pollfd ready[] = {
        {signals.get(), POLLIN, 0}, {input ? STDIN_FILENO : -1, POLLIN, 0}, {output ? terminal.get() : -1, POLLIN, 0}};
    if (poll(ready, std::size(ready), -1) < 0 && errno != EINTR) break;
    if (ready[1].revents != 0) input = copy(STDIN_FILENO, terminal.get());
    if (ready[2].revents != 0) output = copy(terminal.get(), STDOUT_FILENO);
    if (ready[0].revents != 0) running = handle_signal(signals, terminal, raw, sides, status);
  }
  // what the command wrote last is still in the terminal
  pollfd rest{terminal.get(), POLLIN, 0};
  while (output && poll(&rest, 1, 0) > 0) output = copy(terminal.get(), STDOUT_FILENO);
  return status;
}

}  // namespace chrun
