#include "image/lease.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <csignal>
#include <ctime>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/proc.h"
#include "base/records.h"

namespace chrun {
namespace {

constexpr auto kRenewEvery = std::chrono::seconds(10);
constexpr time_t kDeadAfter = 60;      // seconds without renewal; what is done twice does no harm
constexpr time_t kGoneAfter = 3600;    // the same, of a process elsewhere that must not find its files gone
constexpr size_t kLongestText = 1024;  // bytes

/// When a process began, in clock ticks since the machine did (proc_pid_stat(5), field 22); empty if there is none.
std::string begin_of(pid_t pid) {
  std::string stat = text_of("/proc/" + std::to_string(pid) + "/stat");
  // the name may hold anything, parentheses and spaces, too
  const size_t end = stat.rfind(')');
  if (end == stat.npos) return {};
  size_t at = end + 1;
  for (int field = 3; field < 22 && at != stat.npos; field++) at = stat.find(' ', at + 1);
  return at == stat.npos ? "" : stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
}

/// Whose processes this process can see: the machine since its start, and the PID namespace.
std::string where_we_are() {
  std::string boot = text_of("/proc/sys/kernel/random/boot_id");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  struct stat space {};
  stat("/proc/self/ns/pid", &space);
  return boot + ":" + std::to_string(space.st_ino);
}

/// HOST PID BEGIN PLACE
std::string own_text() {
  static const std::string text = [] {
    struct utsname system {};
    uname(&system);
    return std::string(system.nodename) + " " + std::to_string(getpid()) + " " + begin_of(getpid()) + " " +
           where_we_are() + "\n";
  }();
  return text;
}

/// `elsewhere`: on a machine or in a PID namespace that we do not see.
enum class Holder { alive, dead, elsewhere };

Holder holder_of(const std::string& text) {
  const size_t host = text.find(' '), pid = text.find(' ', host + 1), begin = text.find(' ', pid + 1);
  if (host == text.npos || pid == text.npos || begin == text.npos) return Holder::elsewhere;
  if (text.substr(begin + 1) != where_we_are() + "\n") return Holder::elsewhere;
  const auto number = static_cast<pid_t>(parse_number(text.substr(host + 1, pid - host - 1), INT_MAX, "a process"));
  return begin_of(number) == text.substr(pid + 1, begin - pid - 1) ? Holder::alive : Holder::dead;
}

/// What the file server's clock says: ours may differ.
time_t time_there(const std::string& path) {
  const std::string probe = path + ".time." + std::to_string(getpid());
  struct stat status {};
  const Fd file(open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  unlink(probe.c_str());
  return file && fstat(file.get(), &status) == 0 ? status.st_mtime : time(nullptr);
}

std::string text_in(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return file ? read_all(file.get(), path, kLongestText) : "";
}

bool is_silent(const std::string& path, time_t seconds) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && time_there(path) - status.st_mtime > seconds;
}

/// Also one that is stopped: its work can't wait for it.
bool is_dead(const std::string& path, const std::string& text) {
  return holder_of(text) == Holder::dead || is_silent(path, kDeadAfter);
}

/// Whoever is stopped here may go on.
bool is_gone(const std::string& path, const std::string& text) {
  const Holder holder = holder_of(text);
  return holder == Holder::dead || (holder == Holder::elsewhere && is_silent(path, kGoneAfter));
}

/// Removes a dead one. Another process may do so, too, and take it: then what was moved away is put back.
void clear_away(const std::string& path, const std::string& text) {
  const std::string aside = path + ".dead." + std::to_string(getpid());
  if (rename(path.c_str(), aside.c_str()) != 0) return;
  if (text_in(aside) != text && link(aside.c_str(), path.c_str()) != 0 && errno != EEXIST)
    throw Refused("link").cannot("give back " + path);
  unlink(aside.c_str());
}

bool create(const std::string& path) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file && errno == EEXIST) return false;
  if (!file) throw Refused("open").cannot("create " + path);
  try {
    write_all(file.get(), own_text(), path);
  } catch (const Error&) {
    unlink(path.c_str());
    throw;
  }
  return true;
}

/// Those of this process, renewed by a thread of their own: what they are for may take long.
class Held {
 public:
  void add(const std::string& path) {
    const std::lock_guard lock(mutex_);
    all_.insert(path);
    if (renewed_) return;
    renewed_ = true;
    try {
      std::thread([this] { renew(); }).detach();
    } catch (const std::system_error&) {
      // a limit on processes: others may do the work, too
    }
  }
  bool remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return all_.erase(path) > 0;
  }
  std::set<std::string> remove_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(all_, {});
  }

 private:
  [[noreturn]] void renew() {
    // signals are for those who work
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (true) {
      std::this_thread::sleep_for(kRenewEvery);
      const std::lock_guard lock(mutex_);
      for (const std::string& path : all_) utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
    }
  }

  std::mutex mutex_;
  std::set<std::string> all_;
  bool renewed_ = false;
};

/// Whoever took us for dead has it now.
void remove_own(const std::string& path) {
  if (text_in(path) == own_text()) unlink(path.c_str());
}

/// Never destroyed: the thread may outlast main().
Held& held() {
  static Held& all = *new Held;
  return all;
}

}  // namespace

Words take_lease(const Words& arguments) {
  const std::string& path = arguments.at(0);
  for (int tries = 0; tries < 2; tries++) {
    if (create(path)) {
      held().add(path);
      return {"taken"};
    }
    const std::string text = text_in(path);
    if (!is_dead(path, text)) return {};
    clear_away(path, text);
  }
  return {};
}

Words inherit_lease(const Words& arguments) {
  const std::string& path = arguments.at(0);
  const std::string text = text_in(path);
  if (!is_gone(path, text)) return {};
  clear_away(path, text);
  if (!create(path)) return {};
  held().add(path);
  return {"taken"};
}

Words drop_lease(const Words& arguments) {
  const std::string& path = arguments.at(0);
  if (held().remove(path)) remove_own(path);
  return {};
}

void drop_leases() {
  for (const std::string& path : held().remove_all()) remove_own(path);
}

Words wait_a_while(const Words& arguments) {
  const auto time = parse_number(arguments.at(0), 60'000, "a time");
  usleep(static_cast<useconds_t>(time) * 1000);
  return {};
}

}  // namespace chrun
