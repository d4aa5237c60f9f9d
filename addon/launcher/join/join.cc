#include "launcher/join/join.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "launcher/join/join_checkpoint.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

/// How long the winner's death can stay unnoticed, if its keeper is dead too.
constexpr std::chrono::milliseconds kSlice{50};

std::string process_words(int pid) { return "process " + std::to_string(pid); }

std::string seconds_words(int seconds) { return std::to_string(seconds) + " s"; }

std::vector<std::string_view> split(std::string_view content) {
  std::vector<std::string_view> steps;
  while (!content.empty()) {
    const size_t end = std::min(content.find('\0'), content.size());
    steps.push_back(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return steps;
}

/// The first few steps of `some` that `others` lack.
std::string steps_missing_in(const std::vector<std::string_view>& others, const std::vector<std::string_view>& some) {
  constexpr int kMost = 3;
  std::string words;
  int count = 0;
  for (const auto step : some) {
    if (std::find(others.begin(), others.end(), step) != others.end()) continue;
    if (++count <= kMost) words += (count > 1 ? ", '" : "'") + std::string(step) + "'";
  }
  if (count > kMost) words += " and " + std::to_string(count - kMost) + " more";
  return count > 0 ? words : "nothing else";
}

void warn_about_difference(JoinState& state, const JoinRequest& request) {
  const std::string winner = process_words(state.seat(0)->process.pid);
  if (state.count != static_cast<uint32_t>(request.count)) {
    log::warning("--join: " + winner + " expects " + std::to_string(state.count) + " peers, this process " +
                 std::to_string(request.count));
  }
  if (state.content_view() == std::string_view(request.content).substr(0, state.content_size)) return;
  const auto made = split(state.content_view()), wanted = split(request.content);
  log::warning("--join: the container that " + winner + " created is not what this process asks for: it has " +
               steps_missing_in(wanted, made) + ", but this process asks for " + steps_missing_in(made, wanted));
}

}  // namespace

JoinGroup::JoinGroup(JoinRequest request) : request_(std::move(request)), self_(own_process("--join")) {
  while (!memory_) {
    join_checkpoint("peer-before-open");
    auto door = JoinDoor::find_or_make(request_.tag, self_);
    if (!door) continue;
    if (door->is_new()) {
      join_checkpoint("winner-before-keeper");
      memory_ = JoinMemory::create(std::move(*door), request_, self_);
      start_keeper();
      sweep_abandoned_groups(memory_->door().name());
    } else if (!reach_group(std::move(*door)) || !take_seat()) {
      memory_.reset();  // a group that ended meanwhile; it has lost its name
      check_time("", "");
    }
  }
}

/// Waits for the keeper behind a door, and maps the group's state. Returns false if the group is over.
bool JoinGroup::reach_group(JoinDoor door) {
  constexpr std::chrono::milliseconds kSlice{5};
  for (;;) {
    const JoinDoor::Text text = door.read();
    if (text.keeper != 0) {
      proved_ = ProvedKeeper::prove(text.keeper, door);
      const Fd state = proved_ ? proved_->open_descriptor(kStateNumber, O_RDWR | O_NONBLOCK | O_NOCTTY) : Fd();
      if (state) return memory_ = JoinMemory::map(state, std::move(door)), true;
      if (!door.is_named()) return false;  // its work was done
      door.require_pid_namespace(text);
      door.remove();  // whoever is in it is on its own
      if (!is_alive(text.creator)) return false;
      throw Error("--join: " + process_words(text.keeper) + ", which kept the container of " +
                  process_words(text.creator.pid) + ", died");
    }
    if (!door.is_named()) return false;
    door.require_pid_namespace(text);
    if (!is_alive(text.creator)) return door.remove(), false;
    check_time(process_words(text.creator.pid), "has not said which process keeps the container");
    door.await_keeper(kSlice);
  }
}

void JoinGroup::start_keeper() {
  try {
    keeper_.emplace(*memory_, request_.timeout, request_.starter());
  } catch (const Error& failure) {
    fail(failure);
    throw;
  }
}

JoinGroup::~JoinGroup() {
  if (settled_ || !memory_) return;
  try {
    if (won())
      fail(Error("it gave up"));
    else
      settle(false);
  } catch (const Error&) {
    // an error is on its way already
  }
}

/// Returns false if the group in `memory_` is over and has no name any more.
bool JoinGroup::take_seat() {
  bool taken = false, surplus = false;
  memory_->locked([&] {
    const JoinMemory& memory = *memory_;
    // its last peer may have died before it could do that
    if (memory.is_full() || memory->phase == JoinPhase::broken) memory.close();
    if (memory->phase == JoinPhase::broken) return;
    surplus = memory.is_full();
    if (surplus || memory->closed) return;
    seat_ = memory.take_seat(self_);
    memory->waiting += memory->phase == JoinPhase::creating;
    taken = true;
  });
  if (surplus) {
    const std::string count = std::to_string((*memory_)->count);
    memory_.reset();
    throw Error("--join: the group is full: all " + count + " peers have joined", "is the count right? (--join-ct)");
  }
  return taken;
}

/// Throws Error if the time that this process waits for others is over.
void JoinGroup::check_time(const std::string& process, const char* work) const {
  if (Clock::now() < deadline()) return;
  throw Error("--join: gave up after " + seconds_words(request_.timeout) + ": " +
              (process.empty() ? "every group that this process joined had already ended" : process + " " + work));
}

void JoinGroup::fail(const Error& why) {
  stop_waiting(why, process_words(self_.pid) + ", which was creating the container, failed: " + why.what());
  settled_ = true;
}

void JoinGroup::open(NamespaceSet set) {
  JoinMemory& memory = *memory_;
  join_checkpoint("winner-created");
  const Namespaces own = open_namespaces("/proc/self", set);
  const bool kept = keeper_->hand_over(own);
  join_checkpoint("winner-before-ready");
  memory.locked([&] {
    if (memory->phase == JoinPhase::broken) memory.throw_failure();
    for (size_t i = 0; i < own.size(); i++) memory->inodes[i] = own[i] ? inode_of(own[i]) : 0;
    memory->seat(0)->entered = 1;
    memory->phase = JoinPhase::ready;
    join_checkpoint("winner-before-wake");
    for (uint32_t i = 0; i < memory->waiting; i++) sem_post(&memory->wake_peers);
  });
  settle(true);
  if (!kept) memory.locked([&] { memory.close(); });
  keeper_->reap();
  join_checkpoint("winner-end");
}

NamespaceSet JoinGroup::enter() {
  join_checkpoint("loser-before-wait");
  wait_until_ready();
  warn_about_difference(**memory_, request_);
  const Namespaces container = await_container();
  join_checkpoint("loser-before-enter");
  enter_namespaces(container, process_words(winner().pid));
  join_checkpoint("loser-entered");
  settle(true);
  join_checkpoint("loser-end");
  return set_of(container);
}

/// Ends the group, unless the container became ready meanwhile.
void JoinGroup::stop_waiting(const Error& why, const std::string& message) {
  memory_->locked([&] {
    if ((*memory_)->phase == JoinPhase::creating) memory_->break_up(why, "--join: " + message);
  });
}

void JoinGroup::wait_until_ready() {
  JoinMemory& memory = *memory_;
  while (memory->phase == JoinPhase::creating) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline() - Clock::now());
    if (left.count() <= 0) {
      // only who has waited long enough: others may have more patience
      throw Error("--join: gave up after " + seconds_words(request_.timeout) + ": " + process_words(winner().pid) +
                  " is still creating the container; " + peers_seen(*memory) + " have joined");
    } else if (!wait_for(memory->wake_peers, std::min(left, kSlice)) && !is_alive(winner())) {
      const std::string message = process_words(winner().pid) + ", which was creating the container, died";
      stop_waiting(Error(message), message);
    }
  }
  if (memory->phase == JoinPhase::broken) memory.throw_failure();
}

/// What `open` opens for each kind of namespace, if these are the container's: a peer's command may have left it.
std::optional<Namespaces> JoinGroup::if_of_container(const std::function<Fd(size_t)>& open) const {
  Namespaces found;
  for (size_t i = 0; i < found.size(); i++) {
    const ino_t inode = (*memory_)->inodes[i];
    if (inode == 0) continue;
    found[i] = open(i);
    if (!found[i] || inode_of(found[i]) != inode) return std::nullopt;
  }
  return found;
}

std::optional<Namespaces> JoinGroup::find_container() const {
  JoinState& state = **memory_;
  if (state.kept) {
    auto found = if_of_container([&](size_t i) { return proved_->open_descriptor(state.keeper_files[i], O_RDONLY); });
    if (found) return found;
  }
  for (uint32_t i = 0; i < std::min(state.taken, state.seats); i++) {
    if (i == seat_ || !state.seat(i)->entered) continue;
    const std::string process = "/proc/" + std::to_string(state.seat(i)->process.pid) + "/ns/";
    // none where it has ended, or is a program that must not be looked into
    auto found = if_of_container(
        [&](size_t i) { return Fd(::open((process + kNamespaceKinds[i].file).c_str(), O_RDONLY | O_CLOEXEC)); });
    if (found) return found;
  }
  return std::nullopt;
}

/// The keeper has not received it yet; or it died, and those who are in hide from us until they are their commands.
bool JoinGroup::is_container_to_come() const {
  JoinState& state = **memory_;
  if (!state.kept && proved_->is_running()) return true;
  for (uint32_t i = 0; i < std::min(state.taken, state.seats); i++) {
    if (i != seat_ && state.seat(i)->entered && is_alive(state.seat(i)->process)) return true;
  }
  return false;
}

Namespaces JoinGroup::await_container() {
  unsigned nap = 50;  // microseconds
  for (bool last = false;; nap = std::min(2 * nap, 1600U)) {
    auto found = find_container();
    if (found) return std::move(*found);
    if (last || Clock::now() > deadline()) break;
    last = !is_container_to_come();
    if (!last) usleep(nap);
  }
  throw Error("--join: the container of this group is gone: " + process_words(winner().pid) +
              ", which created it, has ended, and so have its keeper and all others in it");
}

void JoinGroup::settle(bool entered) {
  memory_->locked([&] {
    JoinState& state = **memory_;
    if (seat_ < state.seats) (entered ? state.seat(seat_)->entered : state.seat(seat_)->left) = 1;
    join_checkpoint("peer-before-settled");
    if (++state.settled >= state.count) sem_post(&state.wake_keeper);
  });
  settled_ = true;
}

void sweep_abandoned_groups(const std::string& own) {
  for (const std::string& name : list_door_names()) {
    if (name == own) continue;
    try {
      const auto door = JoinDoor::open(name);
      if (!door) continue;
      const JoinDoor::Text text = door->read();
      door->require_pid_namespace(text);
      if (is_alive(text.creator)) continue;
      if (text.keeper == 0 || !ProvedKeeper::prove(text.keeper, *door)) door->remove();
    } catch (const Error&) {
      // not a group that we understand
    }
  }
}

}  // namespace chrun
