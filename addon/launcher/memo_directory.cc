#include "launcher/memo_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include "base/error.h"

namespace chrun {
namespace {

constexpr size_t kMostMemos = 512;
constexpr size_t kKeptMemos = 384;  // after a removal, so that not every new one costs a removal
constexpr time_t kOldestMemo = 30 * 24 * 3600;

std::string absolute_variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr && *value == '/' ? value : "";
}

/// Makes the last two directories of the path at most: a cache directory and ours, but no home.
void make_directories(const std::string& path, int depth) {
  if (mkdir(path.c_str(), 0700) == 0 || errno != ENOENT || depth <= 1) return;
  make_directories(path.substr(0, path.rfind('/')), depth - 1);
  mkdir(path.c_str(), 0700);
}

struct File {
  std::string name;
  time_t modified;
};

std::vector<File> list_files(int directory) {
  std::vector<File> files;
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : fdopendir(copy), closedir);
  if (!stream) return files;
  while (const dirent* entry = readdir(stream.get())) {
    struct stat status;
    if (entry->d_name[0] == '.' || fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    files.push_back({entry->d_name, status.st_mtime});
  }
  return files;
}

}  // namespace

std::string memo_directory_path() {
  if (getenv("CH_RUN_MEMO_DIR") != nullptr) return absolute_variable("CH_RUN_MEMO_DIR");
  if (const auto cache = absolute_variable("XDG_CACHE_HOME"); !cache.empty()) return cache + "/ch-run-ts";
  const auto home = absolute_variable("HOME");
  return home.empty() ? "" : home + "/.cache/ch-run-ts";
}

Fd open_memo_directory(bool make, std::string& why) {
  const std::string path = memo_directory_path();
  if (path.empty()) return why = "there is no directory to remember plans in", Fd();
  Fd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT && make) {
    make_directories(path, 2);
    directory = Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  if (!directory) return why = path + ": " + errno_words(errno), Fd();
  struct stat status;
  if (fstat(directory.get(), &status) != 0) return why = path + ": " + errno_words(errno), Fd();
  if (status.st_uid != geteuid()) return why = path + " belongs to another user", Fd();
  if (status.st_mode & (S_IWGRP | S_IWOTH)) return why = path + " can be written by others", Fd();
  return directory;
}

size_t prune_memo_directory(int directory, bool everything) {
  auto files = list_files(directory);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.modified < b.modified; });
  const time_t now = time(nullptr);
  size_t left = files.size(), removed = 0;
  const size_t keep = everything ? 0 : left > kMostMemos ? kKeptMemos : kMostMemos;
  for (const File& file : files) {
    if (left <= keep && now - file.modified < kOldestMemo) break;
    left--;
    if (unlinkat(directory, file.name.c_str(), 0) == 0) removed++;
  }
  return removed;
}

}  // namespace chrun
