#include "launcher/join/join_door.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "launcher/join/join_checkpoint.h"
#include "launcher/join/join_state.h"

namespace chrun {
namespace {

constexpr char kDirectory[] = "/dev/shm";  // where shm_open(3) keeps its objects
constexpr char kMagic[8] = "chrjoin";
constexpr int kMostNames = 10000;  // in a row: others must take so many to keep a group from meeting
constexpr int kLookAhead = 3;      // names after a free one: what another user takes and gives back splits no group
constexpr size_t kSuffix = 6;      // bytes of it at most

std::string path_of(const std::string& name) { return std::string(kDirectory) + "/" + name; }

/// What all of this user's names begin with.
std::string name_prefix() { return "ch-run-ts." + std::to_string(geteuid()) + "."; }

/// ch-run-ts.UID.TAG, with %XX for bytes that a name can't have.
std::string first_name(const std::string& tag) {
  if (tag.empty()) throw Error("the join tag is empty", {}, Exit::usage);
  std::string name = name_prefix();
  for (const char letter : tag) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(letter);
    const bool plain = (isalnum(byte) && byte < 0x80) || letter == '.' || letter == '-' || letter == '_';
    if (plain)
      name += letter;
    else
      name.append(1, '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  if (name.size() > NAME_MAX - kSuffix) throw Error("the join tag is too long: " + tag, {}, Exit::usage);
  return name;
}

/// No tag has a `~` in its name.
std::string name_in_row(const std::string& first, int number) {
  return number == 0 ? first : first + "~" + std::to_string(number);
}

[[noreturn]] void refuse_name(const std::string& name, const std::string& why) {
  throw Error("can't join through " + path_of(name) + ": " + why,
              "remove it if it is yours, or choose another name with --join-tag=TAG");
}

uint64_t pid_namespace() {
  struct stat status;
  if (stat("/proc/self/ns/pid", &status) != 0) throw Refused("stat").cannot("find the PID namespace of this process");
  return status.st_ino;
}

/// Among those who take a name away, one at a time: between the look at whose it is and its removal, nobody else may
/// remove it and make another. Whoever holds the lock for no reason does not stop us for long.
class Removal {
 public:
  explicit Removal(int file) : file_(file) {
    constexpr int kPatience = 50;  // milliseconds
    for (int i = 0; i < kPatience && flock(file, LOCK_EX | LOCK_NB) != 0; i++) usleep(1000);
  }
  ~Removal() { flock(file_, LOCK_UN); }
  Removal(const Removal&) = delete;

 private:
  const int file_;
};

/// Where the keeper's number is, for futex(2) only: a process that reads it there itself, and not by the kernel, can be
/// killed by SIGBUS when a program in a container cuts the object.
class KeeperWord {
 public:
  explicit KeeperWord(int file) : page_(mmap(nullptr, kSize, PROT_READ, MAP_SHARED, file, 0)) {}
  ~KeeperWord() {
    if (page_ != MAP_FAILED) munmap(page_, kSize);
  }
  KeeperWord(const KeeperWord&) = delete;

  void wait_while_0(std::chrono::milliseconds limit) const {
    const timespec time{limit.count() / 1000, limit.count() % 1000 * 1000000};
    if (page_ == MAP_FAILED || (syscall(SYS_futex, word(), FUTEX_WAIT, 0, &time) != 0 && errno == EFAULT)) usleep(1000);
  }
  void wake_all() const {
    if (page_ != MAP_FAILED) syscall(SYS_futex, word(), FUTEX_WAKE, INT_MAX);
  }

 private:
  static constexpr size_t kSize = sizeof(JoinDoor::Text);
  const char* word() const { return static_cast<const char*>(page_) + offsetof(JoinDoor::Text, keeper); }
  void* const page_;
};

}  // namespace

Fd make_shared_memory() {
  Fd file = above_standard(Fd(::open(kDirectory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)));
  if (!file) {
    throw Refused("open")
        .cannot("create shared memory for --join in " + std::string(kDirectory))
        .hinted("it must be a tmpfs that you can write to");
  }
  // whatever the umask is
  if (fchmod(file.get(), 0600) != 0) throw Refused("fchmod").cannot("set the mode of shared memory for --join");
  return file;
}

JoinDoor::JoinDoor(std::string name, Fd file, const struct stat& status, bool is_new)
    : name_(std::move(name)), file_(std::move(file)), device_(status.st_dev), inode_(status.st_ino), new_(is_new) {}

std::string JoinDoor::path() const { return path_of(name_); }

void JoinDoor::refuse(const std::string& why) const { refuse_name(name_, why); }

std::optional<JoinDoor> JoinDoor::find_or_make(const std::string& tag, const ProcessId& self) {
  const std::string first = first_name(tag);
  int free = -1;
  for (int i = 0; i < kMostNames && (free < 0 || i <= free + kLookAhead); i++) {
    const std::string name = name_in_row(first, i);
    auto [found, door] = look(name);
    if (door) return std::move(door);
    if (free < 0 && found == Found::nothing) free = i;
  }
  if (free < 0) refuse_name(first, "this name and all its alternatives belong to other users");
  return make(name_in_row(first, free), self);
}

std::optional<JoinDoor> JoinDoor::open(const std::string& name) { return std::move(look(name).second); }

/// What is said is found at one look: meanwhile the name may become another's.
std::pair<JoinDoor::Found, std::optional<JoinDoor>> JoinDoor::look(const std::string& name) {
  const std::string path = path_of(name);
  // not shm_open(3), which would follow the same path but can't be told to stay away from pipes
  Fd file = above_standard(Fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)));
  struct stat status;
  if (!file) {
    const int code = errno;
    if (code == ENOENT) return {Found::nothing, std::nullopt};
    if (lstat(path.c_str(), &status) != 0 || status.st_uid != geteuid()) return {Found::of_another_user, std::nullopt};
    if (code == ELOOP) refuse_name(name, "it is a link");
    throw Refused("open", code).cannot("join through " + path);
  }
  if (fstat(file.get(), &status) != 0) throw Refused("fstat").cannot("check " + path);
  if (status.st_uid != geteuid()) return {Found::of_another_user, std::nullopt};
  if (S_ISDIR(status.st_mode)) throw Refused("open", EISDIR).cannot("join through " + path);
  if (!S_ISREG(status.st_mode)) refuse_name(name, "it is not a regular file");
  if (status.st_mode & (S_IRWXG | S_IRWXO)) refuse_name(name, "others may use it");
  return {Found::door, JoinDoor(name, std::move(file), status, false)};
}

/// The object is nameless until link(2) gives it its name: in one step, and only if nobody has it.
std::optional<JoinDoor> JoinDoor::make(const std::string& name, const ProcessId& self) {
  Fd file = make_shared_memory();
  Text text{};
  memcpy(text.magic, kMagic, sizeof kMagic);
  text.version = kJoinVersion;
  text.pid_namespace = pid_namespace();
  text.creator = self;
  if (pwrite(file.get(), &text, sizeof text, 0) != sizeof text)
    throw Refused("write").cannot("create " + path_of(name));
  join_checkpoint("winner-before-name");
  const std::string nameless = "/proc/self/fd/" + std::to_string(file.get());
  if (linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, path_of(name).c_str(), AT_SYMLINK_FOLLOW) != 0) {
    if (errno == EEXIST) return std::nullopt;
    throw Refused("linkat").cannot("link " + path_of(name));
  }
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw Refused("fstat").cannot("check " + path_of(name));
  return JoinDoor(name, std::move(file), status, true);
}

JoinDoor::Text JoinDoor::read() const {
  Text text;
  if (pread(file_.get(), &text, sizeof text, 0) != sizeof text) refuse("it is too small");
  if (memcmp(text.magic, kMagic, sizeof kMagic) != 0) refuse("it is no join group");
  if (text.version != kJoinVersion) {
    refuse("it has version " + std::to_string(text.version) + ", this program has " + std::to_string(kJoinVersion));
  }
  if (text.keeper < 0 || text.creator.pid <= 0) refuse("it is damaged");
  return text;
}

void JoinDoor::require_pid_namespace(const Text& text) const {
  if (text.pid_namespace != pid_namespace()) refuse("its peers are in another PID namespace");
}

void JoinDoor::announce_keeper(pid_t keeper) const {
  const int32_t number = keeper;
  if (pwrite(file_.get(), &number, sizeof number, offsetof(Text, keeper)) != sizeof number)
    throw Refused("write").cannot("write " + path());
  KeeperWord(file_.get()).wake_all();
}

void JoinDoor::await_keeper(std::chrono::milliseconds limit) const { KeeperWord(file_.get()).wait_while_0(limit); }

bool JoinDoor::is_named() const {
  struct stat named;
  return lstat(path().c_str(), &named) == 0 && named.st_ino == inode_ && named.st_dev == device_;
}

void JoinDoor::remove() const {
  const Removal removal(file_.get());
  if (!is_named()) return;
  join_checkpoint("name-before-removal");
  unlink(path().c_str());
  join_checkpoint("name-removed");
}

std::vector<std::string> list_door_names() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(kDirectory), closedir);
  const std::string prefix = name_prefix();
  std::vector<std::string> names;
  for (const dirent* entry; directory && (entry = readdir(directory.get())) != nullptr;) {
    if (std::string_view(entry->d_name).starts_with(prefix)) names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace chrun
