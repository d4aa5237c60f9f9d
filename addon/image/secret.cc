#include "image/secret.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "image/storage_files.h"
#include "pack/interrupt.h"

namespace chrun {
namespace {

constexpr size_t kLongest = 64 << 10;  // bytes

/// While it lives, what is typed does not appear.
class Hidden {
 public:
  Hidden(int terminal, bool hide) : terminal_(terminal) {
    if (!hide || tcgetattr(terminal, &before_) != 0) return;
    struct termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    hidden_ = tcsetattr(terminal, TCSAFLUSH, &quiet) == 0;
    if (!hidden_) throw Refused("tcsetattr").cannot("hide what is typed");
  }
  ~Hidden() {
    if (hidden_) tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  int terminal_;
  struct termios before_ {};
  bool hidden_ = false;
};

/// Waits for something to read. A signal that ends the program throws Interrupted, also one that comes just before.
void wait_for(int file) {
  sigset_t held, before;
  sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, signal);
  sigprocmask(SIG_BLOCK, &held, &before);
  struct pollfd wanted = {file, POLLIN, 0};
  int ready;
  do {
    ready = ppoll(&wanted, 1, nullptr, &before);
    if (ready < 0) {
      sigprocmask(SIG_SETMASK, &before, nullptr);
      pack::check_signals();
      sigprocmask(SIG_BLOCK, &held, nullptr);
    }
  } while (ready < 0);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

/// Up to the end, or with `line` that of a line.
std::string read_text(int file, bool line) {
  std::string text;
  while (!line || !text.ends_with('\n')) {
    pack::check_signals();
    wait_for(file);
    char buffer[4096];
    const ssize_t got = read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Refused("read").cannot("read what is typed");
    if (got == 0) break;
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kLongest) throw Error("the password has more than " + std::to_string(kLongest) + " bytes");
  }
  for (const char end : {'\n', '\r'})
    if (text.ends_with(end)) text.pop_back();
  return text;
}

}  // namespace

Words ask_user(const Words& arguments) {
  const Fd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal)
    throw Error("there is no terminal to ask for it on", "give --username, and the password with --password-stdin");
  const Hidden hidden(terminal.get(), arguments.at(1) == "hidden");
  write_all(terminal.get(), arguments.at(0), "the terminal");
  return {read_text(terminal.get(), true)};
}

Words read_input(const Words&) { return {read_text(STDIN_FILENO, false)}; }

Words save_secret(const Words& arguments) {
  const std::string& path = arguments.at(0);
  if (const size_t slash = path.rfind('/'); slash != path.npos && slash > 0)
    make_directories({path.substr(0, slash)}, 0700);
  return save_text(arguments, 0600);
}

}  // namespace chrun
