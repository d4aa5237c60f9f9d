// look-ups DIRECTORY THREADS [one-first]: all threads open each file of DIRECTORY at the same moment, for the first
// time since it was mounted; prints how many opens failed, of how many. With `one-first`, one thread looks all up
// before. Since Linux 6.16 some fail on FUSE: threads that look a name up at once may get an entry that another has
// replaced.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

int main(int count, char** words) {
  if (count < 3) return 64;
  const std::string directory = words[1];
  const int threads = atoi(words[2]);
  std::vector<std::string> paths;
  // by their numbers, not listed: that would fill the cache
  for (int each = 0; each < 1500; each++) {
    char name[64];
    snprintf(name, sizeof name, "/file-with-a-name-%06d", each);
    paths.push_back(directory + name);
  }
  struct stat status;
  if (count > 3) {
    for (const auto& path : paths) (void)!stat(path.c_str(), &status);
  }
  std::atomic<int> failed{0};
  std::barrier together(threads);
  std::vector<std::thread> all;
  for (int each = 0; each < threads; each++) {
    all.emplace_back([&] {
      for (const auto& path : paths) {
        together.arrive_and_wait();
        const int file = open(path.c_str(), O_PATH | O_CLOEXEC);
        char shown[4096];
        const std::string link = "/proc/self/fd/" + std::to_string(file);
        const ssize_t size = file < 0 ? -1 : readlink(link.c_str(), shown, sizeof shown);
        // an entry that counts as removed
        if (size < 0 || std::string(shown, static_cast<size_t>(size)).ends_with(" (deleted)")) failed++;
        if (file >= 0) close(file);
      }
    });
  }
  for (auto& thread : all) thread.join();
  printf("%d %zu\n", failed.load(), paths.size() * static_cast<size_t>(threads));
}
