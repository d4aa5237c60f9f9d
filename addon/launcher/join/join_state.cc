#include "launcher/join/join_state.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/error_record.h"
#include "base/fd.h"
#include "launcher/join/join_checkpoint.h"
#include "refusals/hints.h"

namespace chrun {
namespace {

constexpr char kMagic[8] = "chstate";
constexpr uint32_t kMostSeats = 4096;
constexpr size_t kLargestContent = 1 << 20;
constexpr std::chrono::seconds kLockLimit{10};

/// What a keeper holds was written by launchers of ours only: this finds faults, and other groups.
void check_state(const JoinState& state, uint64_t size, const JoinDoor& door) {
  if (memcmp(state.magic, kMagic, sizeof kMagic) != 0 || state.version != kJoinVersion) {
    door.refuse("its keeper has another version");
  }
  const uint64_t needed = sizeof(JoinState) + uint64_t{state.seats} * sizeof(JoinSeat) + uint64_t{state.content_size};
  if (state.size != size || needed > size || state.count == 0) door.refuse("its state is damaged");
  const bool same_object = state.door_device == door.device() && state.door_inode == door.inode();
  if (!same_object || door.name() != std::string_view(state.name, strnlen(state.name, sizeof state.name)))
    door.refuse("it leads to another group");
}

void initialize_lock(pthread_mutex_t& lock) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  const int code = pthread_mutex_init(&lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  if (code != 0) throw Refused("pthread_mutex_init", code).cannot("create a mutex for the join group");
}

/// A fresh object is all zeros: only the rest is written.
void initialize(JoinState& state, size_t size, const JoinDoor& door, const JoinRequest& request) {
  memcpy(state.magic, kMagic, sizeof kMagic);
  state.version = kJoinVersion;
  state.count = static_cast<uint32_t>(request.count);
  state.size = size;
  door.name().copy(state.name, sizeof state.name - 1);
  state.door_device = door.device();
  state.door_inode = door.inode();
  state.seats = std::min(state.count, kMostSeats);
  state.content_size = static_cast<uint32_t>(std::min(request.content.size(), kLargestContent));
  memcpy(state.content(), request.content.data(), state.content_size);
  initialize_lock(state.lock);
  sem_init(&state.wake_peers, 1, 0);
  sem_init(&state.wake_keeper, 1, 0);
}

timespec absolute(clockid_t clock, std::chrono::nanoseconds limit) {
  timespec now;
  clock_gettime(clock, &now);
  const int64_t end = now.tv_nsec + limit.count();
  return {now.tv_sec + end / 1000000000, end % 1000000000};
}

/// With long paths in them, words and hint are cut off.
std::string fitting_record(const Error& why, std::string message, size_t size) {
  std::string hint = hint_for(why);
  for (;;) {
    std::string record = error_record(why, message, hint);
    if (record.size() <= size) return record;
    std::string& longer = hint.size() > message.size() ? hint : message;
    longer.resize(longer.size() - std::min(longer.size(), record.size() - size));
  }
}

}  // namespace

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

JoinMemory::Mapping JoinMemory::map_file(int file, size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (memory == MAP_FAILED) throw Refused("mmap").cannot("map shared memory for --join");
  return {static_cast<JoinState*>(memory), {size}};
}

JoinMemory::JoinMemory(JoinDoor door, Fd file, Mapping state)
    : door_(std::move(door)), file_(std::move(file)), state_(std::move(state)) {}

JoinMemory JoinMemory::map(const Fd& file, JoinDoor door) {
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw Refused("fstat").cannot("check shared memory for --join");
  if (!S_ISREG(status.st_mode) || status.st_nlink != 0 || status.st_dev != door.device() ||
      status.st_size < static_cast<off_t>(sizeof(JoinState)))
    door.refuse("its keeper has no state");
  const auto size = static_cast<size_t>(status.st_size);
  Mapping state = map_file(file.get(), size);
  check_state(*state, size, door);
  return JoinMemory(std::move(door), Fd(), std::move(state));
}

JoinMemory JoinMemory::create(JoinDoor door, const JoinRequest& request, const ProcessId& self) {
  const size_t seats = std::min<size_t>(static_cast<size_t>(request.count), kMostSeats);
  const size_t size = sizeof(JoinState) + seats * sizeof(JoinSeat) + std::min(request.content.size(), kLargestContent);
  Fd file = make_shared_memory();
  // the space now, not as a SIGBUS later
  const int code = posix_fallocate(file.get(), 0, static_cast<off_t>(size));
  if (code != 0) throw Refused("fallocate", code).cannot("create shared memory for --join");
  Mapping state = map_file(file.get(), size);
  initialize(*state, size, door, request);
  JoinMemory memory(std::move(door), std::move(file), std::move(state));
  memory.take_seat(self);
  return memory;
}

void JoinMemory::locked(const std::function<void()>& body) const {
  const timespec end = absolute(CLOCK_REALTIME, kLockLimit);
  const int code = pthread_mutex_timedlock(&state_->lock, &end);
  // its holder died; what it left is consistent (see the top of join_state.h)
  if (code == EOWNERDEAD) pthread_mutex_consistent(&state_->lock);
  if (code != 0 && code != EOWNERDEAD) {
    throw Refused("pthread_mutex_timedlock", code)
        .cannot("lock the join group " + door_.path() + ", which a stopped peer may hold");
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
  door_.remove();
}

void JoinMemory::break_up(const Error& why, const std::string& message) const {
  if (state_->phase != JoinPhase::broken) {
    const std::string record = fitting_record(why, message, sizeof state_->failure);
    record.copy(state_->failure, record.size());
    state_->failure_size = static_cast<uint32_t>(record.size());
    state_->phase = JoinPhase::broken;
  }
  close();
  for (uint32_t i = 0; i < state_->waiting; i++) sem_post(&state_->wake_peers);
  sem_post(&state_->wake_keeper);
}

void JoinMemory::throw_failure() const {
  const size_t size = std::min<size_t>(state_->failure_size, sizeof state_->failure);
  throw_error_record({state_->failure, size}, "what ended the join group", Exit::failure);
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

}  // namespace chrun
