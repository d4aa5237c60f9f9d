// Starts join groups, and is what runs in them: the stress test and the bench of --join.
//
//   peers start PEERS GROUPS COMMAND …   GROUPS times, one after the other, starts COMMAND PEERS times at once;
//                                        COMMAND must end in `/peers report`
//   peers report                         says to `start` where it runs, and waits until all of the group do
//
// `start` checks that all peers of a group run in the same namespaces and that nothing stays in /dev/shm, and
// prints JSON: for each group the milliseconds until all of its peers ran. Exit status 1 if a peer was lost.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" char** environ;

namespace {

constexpr int kReport = 3, kHold = 4;  // descriptors of `report`
constexpr int kPatience = 60000;       // milliseconds without news after which peers are lost

struct Place {
  pid_t pid;
  ino_t user, mount;
};

ino_t inode(const char* path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_ino : 0;
}

int report() {
  const Place place{getpid(), inode("/proc/self/ns/user"), inode("/proc/self/ns/mnt")};
  if (write(kReport, &place, sizeof place) != sizeof place) return 1;
  char byte;
  return read(kHold, &byte, 1) == 0 ? 0 : 1;
}

/// Whether the group's name, if PEERS_TAG says which, is still there.
int leftovers() {
  const char* tag = getenv("PEERS_TAG");
  if (tag == nullptr) return 0;
  const std::string path = "/dev/shm/ch-run-ts." + std::to_string(geteuid()) + "." + tag;
  return access(path.c_str(), F_OK) == 0;
}

struct Result {
  double milliseconds = 0;
  int lost = 0, apart = 0, left = 0;
};

class Group {
 public:
  Group(int size, char** command) : size_(size), command_(command) {
    if (pipe2(report_, O_CLOEXEC) != 0 || pipe2(hold_, O_CLOEXEC) != 0) perror("pipe2"), exit(2);
  }

  Result run() {
    Result result;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < size_; i++) start_peer();
    close(report_[1]);
    close(hold_[0]);
    collect(result);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    result.milliseconds = time.count();
    result.left = leftovers();
    close(hold_[1]);
    close(report_[0]);
    for (const pid_t peer : peers_) {
      int status;
      if (waitpid(peer, &status, 0) < 0 || status != 0) result.lost++;
    }
    return result;
  }

 private:
  void start_peer() {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // by way of high numbers: one of the pipes may have the number that the other is to get
    posix_spawn_file_actions_adddup2(&actions, report_[1], 100);
    posix_spawn_file_actions_adddup2(&actions, hold_[0], 101);
    posix_spawn_file_actions_adddup2(&actions, 100, kReport);
    posix_spawn_file_actions_adddup2(&actions, 101, kHold);
    posix_spawn_file_actions_addclose(&actions, 100);
    posix_spawn_file_actions_addclose(&actions, 101);
    pid_t peer;
    if (posix_spawn(&peer, command_[0], &actions, nullptr, command_, environ) != 0) perror(command_[0]), exit(2);
    posix_spawn_file_actions_destroy(&actions);
    peers_.push_back(peer);
  }

  void collect(Result& result) {
    Place first{};
    for (int i = 0; i < size_; i++) {
      pollfd news{report_[0], POLLIN, 0};
      Place place;
      if (poll(&news, 1, kPatience) != 1 || read(report_[0], &place, sizeof place) != sizeof place) {
        for (const pid_t peer : peers_) kill(peer, SIGKILL);
        return;
      }
      if (i == 0) first = place;
      if (place.user != first.user || place.mount != first.mount) result.apart++;
    }
  }

  const int size_;
  char** command_;
  int report_[2], hold_[2];
  std::vector<pid_t> peers_;
};

int start(int size, int groups, char** command) {
  int lost = 0, apart = 0, left = 0;
  std::string times;
  for (int i = 0; i < groups; i++) {
    const Result result = Group(size, command).run();
    lost += result.lost, apart += result.apart, left += result.left;
    char time[32];
    snprintf(time, sizeof time, "%s%.3f", i ? "," : "", result.milliseconds);
    times += time;
  }
  printf("{\"peers\":%d,\"groups\":%d,\"lost\":%d,\"apart\":%d,\"left\":%d,\"milliseconds\":[%s]}\n", size, groups,
         lost, apart, left, times.c_str());
  return lost + apart + left == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "report") == 0) return report();
  if (argc > 4 && strcmp(argv[1], "start") == 0) return start(atoi(argv[2]), atoi(argv[3]), argv + 4);
  fprintf(stderr, "usage: peers start PEERS GROUPS COMMAND... | peers report\n");
  return 2;
}
