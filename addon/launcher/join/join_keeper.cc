#include "launcher/join/join_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csignal>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/files.h"
#include "base/system_calls.h"
#include "launcher/join/join_checkpoint.h"
#include "launcher/join/join_proof.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

/// How long a death can stay unnoticed. Short, because where Slurm tracks processes by control groups it kills
/// the keeper soon after a step's last task, and an unfinished group's name must be gone by then.
constexpr std::chrono::milliseconds kSlice{10};

union ControlBuffer {
  cmsghdr header;
  char space[CMSG_SPACE(kNamespaceKinds.size() * sizeof(int))];
};

msghdr control_message(iovec& part, ControlBuffer& control) {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.space;
  message.msg_controllen = sizeof control.space;
  return message;
}

enum class Received { nothing_yet, namespaces, end };

/// Takes what hand_over() sent, without waiting for it: the descriptors of namespaces, 0 for those that are not in
/// the set.
Received receive_namespaces(int socket, std::array<int, kNamespaceKinds.size()>& numbers) {
  NamespaceSet set = 0;
  iovec part{&set, sizeof set};
  ControlBuffer control;
  msghdr message = control_message(part, control);
  const ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Received::nothing_yet : Received::end;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  const auto sent = static_cast<size_t>(std::popcount(static_cast<unsigned>(set)));
  if (got == 0 || header == nullptr || header->cmsg_len != CMSG_LEN(sent * sizeof(int))) return Received::end;
  const unsigned char* next = CMSG_DATA(header);
  for (size_t i = 0; i < numbers.size(); i++) {
    numbers[i] = 0;
    if (!(set & kNamespaceKinds[i].flag)) continue;
    memcpy(&numbers[i], next, sizeof(int));
    next += sizeof(int);
  }
  return Received::namespaces;
}

/// The standard error of another process of this user; empty if it is out of reach.
Fd open_standard_error(int pid) {
  const Fd process(static_cast<int>(syscall(kPidfdOpen, pid, 0)));
  Fd file(process ? static_cast<int>(syscall(kPidfdGetfd, process.get(), STDERR_FILENO, 0)) : -1);
  if (file) return file;
  // before Linux 5.6; but a regular file, opened again, would be written from its beginning
  const std::string path = "/proc/" + std::to_string(pid) + "/fd/2";
  struct stat status;
  if (stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return Fd();
  return Fd(open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

/// Prints a warning on the standard error of a peer that still runs: the keeper holds none open for itself,
/// or whoever reads it would wait for the keeper.
bool warn_on_behalf_of(int pid, const std::string& message) {
  const Fd file = open_standard_error(pid);
  if (!file || dup2(file.get(), STDERR_FILENO) < 0) return false;
  log::warning(message);
  close(STDERR_FILENO);
  return true;
}

/// What the keeper sleeps on: the namespaces that it is sent, the death of a peer, a post of the semaphore, or time.
class Sleep {
 public:
  Sleep(JoinState& state, int socket) : state_(state), posted_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    waiting_ = {{posted_.get(), POLLIN, 0}, {socket, POLLIN, 0}};
    // a semaphore can't be polled, so a thread passes it on
    pthread_t thread;
    pthread_create(&thread, nullptr, pass_on, this);
  }

  void until_news(bool holding) {
    if (holding) waiting_[1].fd = -1;  // nothing else will be sent
    add_new_peers();
    poll(waiting_.data(), waiting_.size(), kSlice.count());
    eventfd_t posts;
    eventfd_read(posted_.get(), &posts);
    // who is dead stays dead, and must not wake us again
    const auto dead = [](const pollfd& peer) { return peer.revents != 0 && close(peer.fd) == 0; };
    waiting_.erase(std::remove_if(waiting_.begin() + 2, waiting_.end(), dead), waiting_.end());
  }

 private:
  static void* pass_on(void* argument) {
    const Sleep& self = *static_cast<Sleep*>(argument);
    for (;;) {
      if (sem_wait(&self.state_.wake_keeper) == 0) eventfd_write(self.posted_.get(), 1);
    }
  }

  /// Before Linux 5.3 there is no such descriptor, and deaths are found out a little later.
  void add_new_peers() {
    for (; seen_ < std::min(state_.taken, state_.seats); seen_++) {
      const auto peer = static_cast<int>(syscall(kPidfdOpen, state_.seat(seen_)->process.pid, 0));
      if (peer >= 0) waiting_.push_back({peer, POLLIN, 0});
    }
  }

  JoinState& state_;
  const Fd posted_;
  std::vector<pollfd> waiting_;
  uint32_t seen_ = 0;
};

class Watch {
 public:
  Watch(const JoinMemory& memory, int timeout, int socket, const Starter& starter)
      : memory_(memory), timeout_(timeout), socket_(socket), starter_(starter) {}

  void run() {
    Sleep sleep(*memory_, socket_);
    while (!is_over()) sleep.until_news(holding_);
  }

 private:
  bool is_over() {
    if (!holding_ && !take_over()) return true;
    bool over = false;
    try {
      memory_.locked([&] { over = is_settled() || is_deserted() || is_late(); });
    } catch (const Error&) {
      // a stopped peer has the lock; nothing can be done for the group, but it must not stay forever
      over = is_late();
    }
    if (over && late_) report();
    return over;
  }

  /// Takes the namespaces when they come; false when the winner ended without sending them.
  bool take_over() {
    std::array<int, kNamespaceKinds.size()> numbers{};
    const Received received = receive_namespaces(socket_, numbers);
    if (received == Received::nothing_yet) return true;
    if (received == Received::namespaces) {
      holding_ = true;
      join_checkpoint("keeper-before-holding");
      memory_->keeper_files = numbers;
      memory_->kept = 1;
      while (send(socket_, "", 1, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
      return true;
    }
    const int pid = memory_->seat(0)->process.pid;
    const Error why("--join: process " + std::to_string(pid) + ", which was creating the container, died");
    memory_.locked([&] { memory_.break_up(why, why.what()); });
    return false;
  }

  bool is_settled() const {
    if (memory_->phase == JoinPhase::broken) return true;
    if (memory_->settled >= memory_->count) return true;
    if (!memory_.is_full()) return false;
    for (uint32_t i = 0; i < memory_->seats; i++) {
      const JoinSeat& seat = *memory_->seat(i);
      if (!seat.entered && !seat.left && is_alive(seat.process)) return false;
    }
    // those without a seat come only moments later: nothing but time shows when they have come
    return memory_->count <= memory_->seats || since_last_arrival() > std::chrono::seconds(1);
  }

  /// The peers have ended, and nobody else will come.
  bool is_deserted() const {
    for (uint32_t i = 0; i < std::min(memory_->taken, memory_->seats); i++) {
      if (is_alive(memory_->seat(i)->process)) return false;
    }
    if (!starter_.is_done()) return false;
    memory_.close();
    return true;
  }

  bool is_late() {
    if (since_last_arrival() < std::chrono::seconds(timeout_)) return false;
    memory_.close();
    late_ = !memory_.is_full();
    return true;
  }

  void report() const {
    const std::string message = "--join: only " + peers_seen(*memory_) + " joined within " + std::to_string(timeout_) +
                                " s; later peers will be in another container (is the count right? --join-ct)";
    for (uint32_t i = 0; i < std::min(memory_->taken, memory_->seats); i++) {
      const ProcessId& process = memory_->seat(i)->process;
      if (is_alive(process) && warn_on_behalf_of(process.pid, message)) return;
    }
  }

  Clock::duration since_last_arrival() const {
    return Clock::now().time_since_epoch() - std::chrono::nanoseconds(memory_->last_arrival.load());
  }

  const JoinMemory& memory_;
  const int timeout_, socket_;
  const Starter starter_;
  bool holding_ = false, late_ = false;
};

void close_between(int first, int last) {
  if (first > last || syscall(kCloseRange, first, last, 0) == 0) return;
  for (int number = std::min(last, static_cast<int>(sysconf(_SC_OPEN_MAX))); number >= first; number--) close(number);
}

/// Closes everything but these two and the state: whoever waits for the end of a pipe must not wait for us.
void close_others(int state, int socket, int door) {
  dup2(state, kStateNumber);
  const auto [low, high] = std::minmax(socket, door);
  close_between(kStateNumber + 1, low - 1);
  close_between(low + 1, high - 1);
  close_between(high + 1, std::numeric_limits<int>::max());
  // what is printed by mistake must not go into a file that got number 1 or 2
  if (open("/dev/null", O_RDWR) == 1) dup2(1, 2);
}

void keep(const JoinMemory& memory, int state, int timeout, int socket, const Starter& starter) {
  join_forget_stop();
  join_checkpoint("keeper-start");
  setsid();
  if (chdir("/") != 0) return;
  close_others(state, socket, memory.door().file());
  // a process with this name has the state in its place
  prctl(PR_SET_NAME, kKeeperName, 0, 0, 0);
  join_checkpoint("keeper-before-announcement");
  memory.door().announce_keeper(getpid());
  join_checkpoint("keeper-announced");
  Watch(memory, timeout, socket, starter).run();
  join_checkpoint("keeper-end");
  _exit(0);  // its thread with it
}

}  // namespace

Keeper::Keeper(JoinMemory& memory, int timeout, const Starter& starter) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Refused("socketpair").cannot("start the keeper of the join group");
  socket_ = above_standard(Fd(ends[0]));
  const Fd keepers_end = above_standard(Fd(ends[1]));
  between_ = fork();
  if (between_ < 0) throw Refused("fork").cannot("start the keeper of the join group");
  if (between_ > 0) {
    memory.file().reset();
    return;
  }
  // a process in between, which ends: the command must not find a child that it did not start
  const pid_t keeper = fork();
  if (keeper == 0) {
    socket_.reset();
    try {
      keep(memory, memory.file().get(), timeout, keepers_end.get(), starter);
    } catch (const Error&) {
      // nobody to tell; the peers notice by themselves
    }
  }
  _exit(0);
}

bool Keeper::hand_over(const Namespaces& namespaces) {
  std::vector<int> numbers;
  for (const Fd& file : namespaces) {
    if (file) numbers.push_back(file.get());
  }
  NamespaceSet set = set_of(namespaces);
  iovec part{&set, sizeof set};
  ControlBuffer control;
  msghdr message = control_message(part, control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = message.msg_controllen = CMSG_LEN(numbers.size() * sizeof(int));
  memcpy(CMSG_DATA(header), numbers.data(), numbers.size() * sizeof(int));
  // a keeper that was killed is no reason to stop: the group does without it as long as the winner lives
  while (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
  constexpr int kPatience = 2000;  // milliseconds, for one that is stopped
  pollfd receipt{socket_.get(), POLLIN, 0};
  while (poll(&receipt, 1, kPatience) < 0 && errno == EINTR) continue;
  char byte;
  return recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 1;
}

void Keeper::reap() {
  if (between_ <= 0) return;
  wait_for_child(between_, nullptr);
  between_ = 0;
}

}  // namespace chrun
