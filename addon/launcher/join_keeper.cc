#include "launcher/join_keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"
#include "launcher/join_checkpoint.h"
#include "launcher/log.h"

namespace chrun {
namespace {

/// How long a death can stay unnoticed. Short, because where Slurm tracks processes by control groups it kills
/// the keeper soon after a step's last task, and an unfinished group's name must be gone by then.
constexpr std::chrono::milliseconds kSlice{10};

union ControlBuffer {
  cmsghdr header;
  char space[CMSG_SPACE(2 * sizeof(int))];
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

/// Takes what hand_over() sent, without waiting for it.
Received receive_namespaces(int socket, int (&numbers)[2]) {
  char byte;
  iovec part{&byte, 1};
  ControlBuffer control;
  msghdr message = control_message(part, control);
  const ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Received::nothing_yet : Received::end;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got == 0 || header == nullptr || header->cmsg_len != CMSG_LEN(sizeof numbers)) return Received::end;
  memcpy(numbers, CMSG_DATA(header), sizeof numbers);
  return Received::namespaces;
}

/// The standard error of another process of this user; empty if it is out of reach.
Fd open_standard_error(int pid) {
#if defined(SYS_pidfd_open) && defined(SYS_pidfd_getfd)
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  Fd file(process ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), STDERR_FILENO, 0)) : -1);
  if (file) return file;
#endif
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

/// Groups that lost all their processes to SIGKILL at once: only a later one can clean up after them.
void sweep_abandoned_groups() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/dev/shm"), closedir);
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

/// Wakes the keeper the moment a peer dies; a thread's job, as it already waits for something else. It only makes
/// faster what the keeper finds out anyway, so it gives up where the kernel has no pidfd_open(2) (before 5.3).
void* watch_deaths(void* argument) {
#ifdef SYS_pidfd_open
  JoinState& state = *static_cast<JoinState*>(argument);
  std::vector<pollfd> peers;
  for (uint32_t seen = 0;;) {
    for (; seen < std::min(state.taken, state.seats); seen++) {
      const auto peer = static_cast<int>(syscall(SYS_pidfd_open, state.seat(seen)->process.pid, 0));
      if (peer < 0 && errno == ENOSYS) return nullptr;
      if (peer >= 0) peers.push_back({peer, POLLIN, 0});
    }
    if (poll(peers.data(), peers.size(), kSlice.count()) <= 0) continue;
    sem_post(&state.wake_keeper);
    std::erase_if(peers, [](const pollfd& peer) { return peer.revents != 0 && close(peer.fd) == 0; });
  }
#endif
  return nullptr;
}

class Watch {
 public:
  Watch(const JoinMemory& memory, int timeout, int socket, const Starter& starter)
      : memory_(memory), timeout_(timeout), socket_(socket), starter_(starter) {}

  void run() {
    pthread_t thread;
    pthread_create(&thread, nullptr, watch_deaths, &*memory_);
    sweep_abandoned_groups();
    while (!is_over()) wait_for(memory_->wake_keeper, kSlice);
  }

 private:
  bool is_over() {
    if (!holding_ && !take_over()) return true;
    bool over = false;
    try {
      memory_.locked([&] { over = is_settled() || is_deserted() || is_late(); });
    } catch (const Error&) {
      // a stopped peer has the lock; nothing can be done for the group, but it must not stay for ever
      over = is_late();
    }
    if (over && late_) report();
    return over;
  }

  /// Takes the namespaces when they come; false when the winner ended without sending them.
  bool take_over() {
    int numbers[2];
    const Received received = receive_namespaces(socket_, numbers);
    if (received == Received::nothing_yet) return true;
    if (received == Received::namespaces) {
      holding_ = true;
      join_checkpoint("keeper-before-holding");
      memory_->keeper_user = numbers[0];
      memory_->keeper_mount = numbers[1];
      return true;
    }
    const int pid = memory_->seat(0)->process.pid;
    memory_.locked(
        [&] { memory_.break_up("process " + std::to_string(pid) + ", which was creating the container, died"); });
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
    // those without a seat of their own are few moments behind: nothing tells about them but time
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
    const std::string message = "--join: only " + peers_seen(*memory_) + " came within " + std::to_string(timeout_) +
                                " s; who comes now will be in another container (is the count right? --join-ct)";
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

/// Closes everything but `kept`, which gets number 0: who waits for the end of a pipe must not wait for us.
void close_others(int kept) {
  dup2(kept, 0);
#ifdef SYS_close_range
  if (syscall(SYS_close_range, 1, ~0U, 0) != 0)
#endif
    for (int number = static_cast<int>(sysconf(_SC_OPEN_MAX)); number > 0; number--) close(number);
  // what is printed by mistake must not go into a file that got number 1 or 2
  if (open("/dev/null", O_RDWR) == 1) dup2(1, 2);
}

void keep(const JoinMemory& memory, int timeout, int socket, const Starter& starter) {
  join_checkpoint("keeper-start");
  setsid();
  if (chdir("/") != 0) return;
  prctl(PR_SET_NAME, kKeeperName, 0, 0, 0);
  close_others(socket);
  memory->keeper = own_process();
  Watch(memory, timeout, 0, starter).run();
  join_checkpoint("keeper-end");
}

}  // namespace

Keeper::Keeper(const JoinMemory& memory, int timeout, const Starter& starter) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw SysError("start the keeper of the join group", "socketpair");
  socket_ = Fd(ends[0]);
  const Fd keepers_end(ends[1]);
  between_ = fork();
  if (between_ < 0) throw SysError("start the keeper of the join group", "fork");
  if (between_ > 0) return;
  // a process in between, which ends: the command must not find a child that it did not start
  if (fork() == 0) {
    socket_.reset();
    try {
      keep(memory, timeout, keepers_end.get(), starter);
    } catch (const Error&) {
      // nobody to tell; the peers notice by themselves
    }
  }
  _exit(0);
}

void Keeper::hand_over(const Namespaces& namespaces) {
  const int numbers[2] = {namespaces.user.get(), namespaces.mount.get()};
  char byte = 0;
  iovec part{&byte, 1};
  ControlBuffer control;
  msghdr message = control_message(part, control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof numbers);
  memcpy(CMSG_DATA(header), numbers, sizeof numbers);
  // a keeper that was killed is no reason to stop: the group does without it as long as the winner lives
  while (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

void Keeper::reap() {
  if (between_ <= 0) return;
  while (waitpid(between_, nullptr, 0) < 0 && errno == EINTR) continue;
  between_ = 0;
}

}  // namespace chrun
