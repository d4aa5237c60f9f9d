#include "launcher/join_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/fd.h"
#include "launcher/join_checkpoint.h"

namespace chrun {
namespace {

constexpr char kDirectory[] = "/dev/shm";  // where shm_open(3) keeps its objects
constexpr char kMagic[8] = "chrjoin";
constexpr uint32_t kVersion = 1;
constexpr uint32_t kMostSeats = 4096;
constexpr size_t kLargestContent = 1 << 20;
constexpr std::chrono::seconds kLockLimit{10};

/// What all of this user's names begin with.
std::string join_name_prefix() { return "ch-run-ts." + std::to_string(geteuid()) + "."; }

std::string path_of(const std::string& name) { return std::string(kDirectory) + "/" + name; }

uint64_t pid_namespace() {
  struct stat status;
  if (stat("/proc/self/ns/pid", &status) != 0) throw SysError("find my PID namespace", "stat");
  return status.st_ino;
}

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error("can't join by " + path_of(name) + ": " + why,
              "remove it if it is yours, or choose another name with --join-tag=TAG");
}

void check_file(int file, const std::string& name, struct stat& status) {
  if (fstat(file, &status) != 0) throw SysError("check " + path_of(name), "fstat");
  if (!S_ISREG(status.st_mode)) refuse(name, "it is not a regular file");
  if (status.st_uid != geteuid()) refuse(name, "it belongs to user " + std::to_string(status.st_uid) + ", not to you");
  if (status.st_mode & (S_IRWXG | S_IRWXO)) refuse(name, "others may use it");
  if (status.st_size < static_cast<off_t>(sizeof(JoinState))) refuse(name, "it is too small");
}

void check_state(JoinState& state, const std::string& name, const struct stat& status) {
  if (memcmp(state.magic, kMagic, sizeof kMagic) != 0) refuse(name, "it is no join group");
  if (state.version != kVersion) {
    refuse(name, "it has version " + std::to_string(state.version) + ", this program has " + std::to_string(kVersion));
  }
  const uint64_t needed = sizeof(JoinState) + state.seats * sizeof(JoinSeat) + state.content_size;
  if (state.size != static_cast<uint64_t>(status.st_size) || needed > state.size || state.count == 0) {
    refuse(name, "it is damaged");
  }
  if (state.pid_namespace != pid_namespace()) refuse(name, "its peers are in another PID namespace");
}

void initialize_lock(pthread_mutex_t& lock) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  const int code = pthread_mutex_init(&lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  if (code != 0) throw SysError("make a lock for the join group", "pthread_mutex_init", code);
}

/// A fresh object is all zeros: only the rest is written.
void initialize(JoinState& state, size_t size, const JoinRequest& request) {
  memcpy(state.magic, kMagic, sizeof kMagic);
  state.version = kVersion;
  state.count = static_cast<uint32_t>(request.count);
  state.size = size;
  state.pid_namespace = pid_namespace();
  state.seats = std::min(state.count, kMostSeats);
  state.content_size = static_cast<uint32_t>(std::min(request.content.size(), kLargestContent));
  memcpy(state.content(), request.content.data(), state.content_size);
  initialize_lock(state.lock);
  sem_init(&state.wake_peers, 1, 0);
  sem_init(&state.wake_keeper, 1, 0);
}

/// The file is nameless until link(2) gives it its name: in one step, and only if nobody has it.
Fd make_file(size_t size, const std::string& name) {
  Fd file(::open(kDirectory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) {
    throw Error("can't make shared memory for --join in " + std::string(kDirectory) + ": " + errno_words(errno),
                "it must be a tmpfs that you can write to");
  }
  // whatever the umask is; and the space now, not as a SIGBUS later
  if (fchmod(file.get(), 0600) != 0) throw SysError("protect " + path_of(name), "fchmod");
  const int code = posix_fallocate(file.get(), 0, static_cast<off_t>(size));
  if (code != 0) throw SysError("make " + path_of(name), "fallocate", code);
  return file;
}

bool publish(int file, const std::string& name) {
  const std::string nameless = "/proc/self/fd/" + std::to_string(file);
  if (linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, path_of(name).c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno == EEXIST) return false;
  throw SysError("name " + path_of(name), "linkat");
}

timespec absolute(clockid_t clock, std::chrono::nanoseconds limit) {
  timespec now;
  clock_gettime(clock, &now);
  const int64_t end = now.tv_nsec + limit.count();
  return {now.tv_sec + end / 1000000000, end % 1000000000};
}

}  // namespace

std::string join_name(const std::string& tag) {
  if (tag.empty()) throw Error("the join tag is empty", {}, Exit::usage);
  std::string name = join_name_prefix();
  for (const char letter : tag) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(letter);
    const bool plain = (isalnum(byte) && byte < 0x80) || letter == '.' || letter == '-' || letter == '_';
    if (plain)
      name += letter;
    else
      name.append(1, '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  if (name.size() > NAME_MAX) throw Error("the join tag is too long: " + tag, {}, Exit::usage);
  return name;
}

bool wait_for(sem_t& semaphore, std::chrono::milliseconds limit) {
  // a clock that is set back must not prolong the wait; older C libraries have no choice
#if __GLIBC_PREREQ(2, 30)
  const timespec end = absolute(CLOCK_MONOTONIC, limit);
  while (sem_clockwait(&semaphore, CLOCK_MONOTONIC, &end) != 0) {
#else
  const timespec end = absolute(CLOCK_REALTIME, limit);
  while (sem_timedwait(&semaphore, &end) != 0) {
#endif
    if (errno != EINTR) return false;
  }
  return true;
}

std::string peers_seen(const JoinState& state) {
  return std::to_string(state.taken) + " of " + std::to_string(state.count) + " peers";
}

void JoinMemory::Unmap::operator()(JoinState* state) const { munmap(state, size); }

JoinMemory::Mapping JoinMemory::map(int file, size_t size, const std::string& name) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (memory == MAP_FAILED) throw SysError("map " + path_of(name), "mmap");
  return {static_cast<JoinState*>(memory), {size}};
}

JoinMemory::JoinMemory(std::string name, const struct stat& file, Mapping state)
    : name_(std::move(name)), device_(file.st_dev), inode_(file.st_ino), state_(std::move(state)) {}

std::optional<JoinMemory> JoinMemory::open(const std::string& name) {
  // not shm_open(3), which would follow the same path but can't be told to stay away from pipes
  const Fd file(::open(path_of(name).c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) {
    const int code = errno;
    struct stat status;
    if (code == ELOOP) refuse(name, "it is a link");
    if (lstat(path_of(name).c_str(), &status) == 0 && status.st_uid != geteuid()) {
      refuse(name, "it belongs to user " + std::to_string(status.st_uid) + ", not to you");
    }
    throw SysError("join by " + path_of(name), "open", code);
  }
  struct stat status;
  check_file(file.get(), name, status);
  Mapping state = map(file.get(), static_cast<size_t>(status.st_size), name);
  check_state(*state, name, status);
  return JoinMemory(name, status, std::move(state));
}

std::optional<JoinMemory> JoinMemory::create(const std::string& name, const JoinRequest& request) {
  const size_t seats = std::min<size_t>(static_cast<size_t>(request.count), kMostSeats);
  const size_t size = sizeof(JoinState) + seats * sizeof(JoinSeat) + std::min(request.content.size(), kLargestContent);
  const Fd file = make_file(size, name);
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw SysError("make " + path_of(name), "fstat");
  Mapping state = map(file.get(), size, name);
  initialize(*state, size, request);
  JoinMemory memory(name, status, std::move(state));
  memory.take_seat(own_process());
  join_checkpoint("winner-before-name");
  if (!publish(file.get(), name)) return std::nullopt;
  return memory;
}

void JoinMemory::locked(const std::function<void()>& body) const {
  const timespec end = absolute(CLOCK_REALTIME, kLockLimit);
  const int code = pthread_mutex_timedlock(&state_->lock, &end);
  // its holder died; what it left is consistent (see the top of join_state.h)
  if (code == EOWNERDEAD) pthread_mutex_consistent(&state_->lock);
  if (code != 0 && code != EOWNERDEAD) {
    throw SysError("lock the join group " + path_of(name_) + ", which a stopped peer may hold",
                   "pthread_mutex_timedlock", code);
  }
  try {
    body();
  } catch (...) {
    pthread_mutex_unlock(&state_->lock);
    throw;
  }
  pthread_mutex_unlock(&state_->lock);
}

void JoinMemory::close() const {
  state_->closed = 1;
  // the name may be another group's by now; while we hold the lock, nobody else takes it off ours
  struct stat named;
  if (lstat(path_of(name_).c_str(), &named) != 0) return;
  if (named.st_ino != inode_ || named.st_dev != device_) return;
  join_checkpoint("name-before-removal");
  unlink(path_of(name_).c_str());
  join_checkpoint("name-removed");
}

void JoinMemory::break_up(const std::string& why) const {
  if (state_->phase != JoinPhase::broken) {
    snprintf(state_->failure, sizeof state_->failure, "%s", why.c_str());
    state_->phase = JoinPhase::broken;
  }
  close();
  for (uint32_t i = 0; i < state_->waiting; i++) sem_post(&state_->wake_peers);
  sem_post(&state_->wake_keeper);
}

bool JoinMemory::is_abandoned() const {
  if (is_alive(state_->keeper)) return false;
  for (uint32_t i = 0; i < std::min(state_->taken, state_->seats); i++) {
    if (!state_->seat(i)->left && is_alive(state_->seat(i)->process)) return false;
  }
  return true;
}

uint32_t JoinMemory::take_seat(const ProcessId& process) const {
  const uint32_t index = state_->taken;
  if (index < state_->seats) state_->seat(index)->process = process;
  state_->last_arrival = Clock::now().time_since_epoch().count();
  join_checkpoint("peer-before-seat");
  state_->taken = index + 1;
  join_checkpoint("peer-after-seat");
  if (is_full()) close();
  return index;
}

void sweep_abandoned_groups() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(kDirectory), closedir);
  const std::string prefix = join_name_prefix();
  for (const dirent* entry; directory && (entry = readdir(directory.get())) != nullptr;) {
    if (!std::string_view(entry->d_name).starts_with(prefix)) continue;
    try {
      const auto group = JoinMemory::open(entry->d_name);
      if (group && group->is_abandoned()) {
        group->locked([&] {
          if (group->is_abandoned()) group->break_up("all of its peers died");
        });
      }
    } catch (const Error&) {
      // not ours, or not a group that we understand
    }
  }
}

}  // namespace chrun
