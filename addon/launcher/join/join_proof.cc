#include "launcher/join/join_proof.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/proc.h"

namespace chrun {
namespace {

std::string name_of(int directory) {
  const Fd file(openat(directory, "comm", O_RDONLY | O_CLOEXEC));
  char text[64];
  const ssize_t got = file ? read(file.get(), text, sizeof text) : 0;
  return got > 1 ? std::string(text, static_cast<size_t>(got) - 1) : "";
}

/// What speaks against the process with this directory in /proc; empty: nothing does.
std::string find_objection(int directory) {
  struct stat status;
  if (fstat(directory, &status) != 0) return "has ended";
  if (status.st_uid != geteuid()) return "belongs to user " + std::to_string(status.st_uid);
  const auto own = is_in_own_user_namespace(directory, "ns/user");
  if (!own) return "can't be looked into";
  if (!*own) return "is in another user namespace";
  if (name_of(directory) != kKeeperName) return "keeps no join group";
  return {};
}

}  // namespace

std::optional<ProvedKeeper> ProvedKeeper::prove(pid_t process, const JoinDoor& door) {
  constexpr int kPatience = 20;  // milliseconds, in which a process that ends looks like somebody else's
  const std::string path = "/proc/" + std::to_string(process);
  for (int i = 0;; i++) {
    Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return std::nullopt;
    const std::string objection = find_objection(directory.get());
    if (objection.empty()) return ProvedKeeper(process, std::move(directory));
    if (!door.is_named() || !read_process(process).is_running()) return std::nullopt;
    if (i == kPatience) door.require_pid_namespace(door.read());
    if (i == kPatience) door.refuse("process " + std::to_string(process) + ", which it names, " + objection);
    usleep(1000);
  }
}

bool ProvedKeeper::is_running() const {
  struct stat status;
  return fstatat(directory_.get(), "fd/0", &status, 0) == 0;
}

Fd ProvedKeeper::open_descriptor(int number, int flags) const {
  return Fd(openat(directory_.get(), ("fd/" + std::to_string(number)).c_str(), flags | O_CLOEXEC));
}

}  // namespace chrun
