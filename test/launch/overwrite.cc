// overwrite END …: waits for processes whose program file has a path that ends in one of these, and writes into that
// file, by its entry in /proc or by a descriptor of it that was opened in time, as soon as nobody executes it. Prints
// `ready`, `opened` when it has such a descriptor, and at the end of standard input how far it came.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

std::string program_of(const std::string& process) {
  char path[4096];
  const ssize_t size = readlink((process + "/exe").c_str(), path, sizeof path);
  return {path, size > 0 ? static_cast<size_t>(size) : 0};
}

bool write_into(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY);
  if (file < 0) return false;
  const bool written = write(file, "PWNED", 5) == 5;
  close(file);
  return written;
}

bool is_over() {
  pollfd input{0, POLLIN, 0};
  return poll(&input, 1, 0) != 0;
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> ends(words + 1, words + count);
  int seen = 0, opened = -1, written = 0;
  puts("ready"), fflush(stdout);
  DIR* processes = opendir("/proc");
  while (!is_over()) {
    rewinddir(processes);
    while (const dirent* entry = readdir(processes)) {
      if (atoi(entry->d_name) == 0) continue;
      const std::string process = std::string("/proc/") + entry->d_name;
      const std::string program = program_of(process);
      if (std::ranges::none_of(ends, [&](const auto& end) { return program.ends_with(end); })) continue;
      seen++;
      if (opened < 0 && (opened = open((process + "/exe").c_str(), O_RDONLY)) >= 0) puts("opened"), fflush(stdout);
      written += write_into(process + "/exe");
    }
    if (opened >= 0) written += write_into("/proc/self/fd/" + std::to_string(opened));
  }
  printf("seen %d written %d\n", seen, written);
}
