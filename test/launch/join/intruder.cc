// A hostile program in a container: it does to another join group of its user what it can, until its input ends.
//
//   intruder garbage DOOR       writes anything anywhere, cuts and holds the lock
//   intruder myself DOOR        names itself as the keeper, and looks like one
//   intruder other DOOR         names the keeper of its own container's group
//   intruder link OWN DOOR      gives the door of its own group that name, too
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr off_t kKeeper = 12;  // where the door names it (addon/launcher/join/join_door.h)

void put_number(const char* door, int32_t number) {
  const int file = open(door, O_RDWR);
  if (file < 0) return;
  if (pwrite(file, &number, sizeof number, kKeeper) < 0) perror("pwrite");
  close(file);
}

void write_garbage(const char* door) {
  const int file = open(door, O_RDWR);
  if (file < 0) return;
  unsigned char bytes[64];
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(rand() % 4 == 0 ? rand() : 255);
  const bool written = pwrite(file, bytes, static_cast<size_t>(rand() % 64), rand() % 2048) >= 0;
  if (!written || (rand() % 64 == 0 && ftruncate(file, rand() % 5000) != 0)) perror(door);
  if (rand() % 16 == 0 && flock(file, LOCK_EX | LOCK_NB) == 0) usleep(2000);
  close(file);
}

/// Keepers outside, but for that of the door.
std::vector<int> find_keepers() {
  std::vector<int> found;
  DIR* directory = opendir("/proc");
  while (const dirent* entry = readdir(directory)) {
    const int pid = atoi(entry->d_name);
    const int file = pid > 0 ? open(("/proc/" + std::to_string(pid) + "/comm").c_str(), O_RDONLY) : -1;
    char name[32] = {};
    if (file >= 0 && read(file, name, sizeof name - 1) > 0 && strcmp(name, "ch-run-join\n") == 0) found.push_back(pid);
    if (file >= 0) close(file);
  }
  closedir(directory);
  return found;
}

bool input_has_ended() {
  pollfd input{0, POLLIN, 0};
  return poll(&input, 1, 0) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string mode = argv[1];
  const char* door = argv[argc - 1];
  // its own group's, which is complete but for this program's last peer, was there before
  const std::vector<int> keepers = find_keepers();
  if (mode == "myself") prctl(PR_SET_NAME, "ch-run-join");
  puts("ready"), fflush(stdout);
  while (!input_has_ended()) {
    if (mode == "garbage") write_garbage(door);
    if (mode == "myself") put_number(door, getpid());
    if (mode == "other" && !keepers.empty()) put_number(door, keepers.front());
    if (mode == "link" && link(argv[2], door) != 0) usleep(10);
  }
  return 0;
}
