// read-tree [-j THREADS] [-c] DIRECTORY: reads every byte of every file below, each file by one thread, and prints how
// much there was and how long it took. With -c also a checksum over names, kinds, permissions and contents.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Totals {
  std::atomic<uint64_t> files{0}, bytes{0}, failures{0}, checksum{0};
};

uint64_t mix(uint64_t value, const void* data, size_t size) {
  const auto* at = static_cast<const unsigned char*>(data);
  for (; size >= 8; size -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    value = (value ^ word) * 0x9e3779b97f4a7c15;
    value ^= value >> 29;
  }
  for (; size > 0; --size, ++at) value = (value ^ *at) * 0x100000001b3;
  return value;
}

void read_file(const std::string& path, uint64_t sum, bool check, Totals& totals) {
  static thread_local std::vector<char> buffer(128 << 10);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ssize_t got = -1;
  uint64_t bytes = 0;
  while (file >= 0 && (got = read(file, buffer.data(), buffer.size())) > 0) {
    bytes += static_cast<uint64_t>(got);
    if (check) sum = mix(sum, buffer.data(), static_cast<size_t>(got));
  }
  if (got < 0) ++totals.failures;
  if (file >= 0) close(file);
  ++totals.files;
  totals.bytes += bytes;
  totals.checksum += sum;
}

/// Order of reading is that of the listing, as of tar or cp.
class Walk {
 public:
  Walk(unsigned threads, bool check) : threads_(threads), check_(check) {}

  void directory(const std::string& path, unsigned thread, Totals& totals, size_t root) {
    DIR* listing = opendir(path.c_str());
    if (!listing) {
      ++totals.failures;
      return;
    }
    std::vector<std::string> names;
    while (const dirent* entry = readdir(listing)) {
      if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) names.emplace_back(entry->d_name);
    }
    closedir(listing);
    for (const std::string& name : names) visit(path + "/" + name, thread, totals, root);
  }

 private:
  void visit(const std::string& path, unsigned thread, Totals& totals, size_t root) {
    struct stat status;
    if (lstat(path.c_str(), &status) < 0) {
      ++totals.failures;
      return;
    }
    if (S_ISDIR(status.st_mode)) directory(path, thread, totals, root);
    if (mix(1, path.data() + root, path.size() - root) % threads_ != thread) return;
    uint64_t sum = mix(status.st_mode, path.data() + root, path.size() - root);
    if (S_ISREG(status.st_mode)) return read_file(path, sum, check_, totals);
    if (S_ISLNK(status.st_mode)) {
      char target[4096];
      sum = mix(sum, target, static_cast<size_t>(std::max<ssize_t>(readlink(path.c_str(), target, sizeof target), 0)));
    }
    totals.checksum += sum;
  }

  const unsigned threads_;
  const bool check_;
};

}  // namespace

int main(int count, char** words) {
  unsigned threads = 1;
  bool check = false;
  for (int option; (option = getopt(count, words, "j:c")) != -1;) {
    if (option == 'j') threads = static_cast<unsigned>(atoi(optarg));
    if (option == 'c') check = true;
  }
  if (optind >= count || threads == 0) return 64;
  const std::string root = words[optind];
  Totals totals;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (unsigned each = 0; each < threads; ++each) {
    workers.emplace_back([&, each] { Walk(threads, check).directory(root, each, totals, root.size()); });
  }
  for (auto& worker : workers) worker.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  printf("%.3f s, %lu files, %.1f MB, %lu failures", seconds, totals.files.load(), double(totals.bytes.load()) / 1e6,
         totals.failures.load());
  if (check) printf(", checksum %016lx", totals.checksum.load());
  printf("\n");
  return totals.failures ? 1 : 0;
}
