#include "launcher/files/memo_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace chrun {
namespace {

constexpr size_t kMostMemos = 512;
constexpr size_t kKeptMemos = 384;  // after a removal, so that not every new one costs a removal
constexpr time_t kOldestMemo = 30 * 24 * 3600;
constexpr size_t kLargestNames = 64 << 20;

std::string absolute_variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr && *value == '/' ? value : "";
}

bool is_own(const struct stat& status) { return status.st_uid == geteuid() || status.st_uid == 0; }

/// Nothing is kept below somebody else's directory, or where somebody else's link leads: that could be anywhere.
bool is_somebody_elses(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return false;
  if (!is_own(status)) return true;
  return S_ISLNK(status.st_mode) && stat(path.c_str(), &status) == 0 && !is_own(status);
}

/// Takes what comes before the mark off the front of `rest`, with the mark.
std::string_view take(std::string_view& rest, char mark) {
  const std::string_view taken = rest.substr(0, rest.find(mark));
  rest.remove_prefix(std::min(taken.size() + 1, rest.size()));
  return taken;
}

/// Where HOME is not root's own, as after `sudo -E`. Only the host's file is asked, as root stands there.
std::string root_home() {
  const Fd file(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  if (!file) return "";
  const std::string text = read_all(file.get(), "/etc/passwd", kLargestNames);
  std::string_view rest(text);
  while (!rest.empty()) {
    std::string_view line = take(rest, '\n');
    std::string_view fields[6];  // name, password, uid, gid, comment, home
    for (auto& field : fields) field = take(line, ':');
    if (fields[2] == "0" && fields[5].starts_with('/')) return std::string(fields[5]);
  }
  return "";
}

std::string home_directory() {
  const auto home = absolute_variable("HOME");
  if (!home.empty() && !is_somebody_elses(home)) return home;
  return geteuid() == 0 ? root_home() : "";
}

/// Makes the last two directories of the path at most: a cache directory and ours, but no home. Nothing is made in a
/// directory of somebody else, which is judged by the descriptor that it is made with.
void make_directories(const std::string& path, int depth) {
  const size_t slash = path.rfind('/');
  const std::string above = slash == 0 ? "/" : path.substr(0, slash);
  Fd parent(open(above.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent && errno == ENOENT && depth > 1) {
    make_directories(above, depth - 1);
    parent = Fd(open(above.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  struct stat status;
  if (!parent || fstat(parent.get(), &status) != 0 || !is_own(status)) return;
  const char* name = path.c_str() + slash + 1;
  // whatever the umask is; what can't be made or changed is an error when it is opened
  if (mkdirat(parent.get(), name, 0700) == 0) fchmodat(parent.get(), name, 0700, 0);
}

constexpr size_t kHash = 16;               // digits of a name
constexpr char kReadsEnding[] = ".reads";  // then that of a record

/// As memo.cc names plans, the file-system server records of reads, and both drafts of them; whatever else lies there
/// is left alone.
bool is_memo(std::string_view name) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() >= kHash && std::all_of(name.begin(), name.begin() + kHash, is_hex) &&
         (name.size() == kHash || name[kHash] == '.');
}

struct File {
  std::string name;
  time_t modified;
  bool is_reads() const { return std::string_view(name).substr(kHash).starts_with(kReadsEnding); }
};

std::vector<File> list_files(int directory) {
  std::vector<File> files;
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : fdopendir(copy), closedir);
  if (!stream) return files;
  while (const dirent* entry = readdir(stream.get())) {
    struct stat status;
    if (!is_memo(entry->d_name) || fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    files.push_back({entry->d_name, status.st_mtime});
  }
  return files;
}

}  // namespace

std::string memo_directory_path() {
  if (getenv("CH_RUN_MEMO_DIR") != nullptr) return absolute_variable("CH_RUN_MEMO_DIR");
  const auto cache = absolute_variable("XDG_CACHE_HOME");
  if (!cache.empty() && !is_somebody_elses(cache)) return cache + "/ch-run-ts";
  const auto home = home_directory();
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
  struct stat status;
  if (!directory || fstat(directory.get(), &status) != 0) {
    const int code = errno;
    return why = path + ": " + errno_words(code), Fd();
  }
  if (status.st_uid != geteuid()) return why = path + " belongs to another user", Fd();
  if (status.st_mode & (S_IWGRP | S_IWOTH)) return why = path + " can be written by others", Fd();
  return directory;
}

Removed prune_memo_directory(int directory, bool everything) {
  auto files = list_files(directory);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.modified < b.modified; });
  const time_t now = time(nullptr);
  Removed removed;
  std::erase_if(files, [&](const File& file) {
    if (!file.is_reads()) return false;
    if ((everything || now - file.modified >= kOldestMemo) && unlinkat(directory, file.name.c_str(), 0) == 0)
      removed.reads++;
    return true;
  });
  size_t left = files.size();
  const size_t keep = everything ? 0 : left > kMostMemos ? kKeptMemos : kMostMemos;
  for (const File& file : files) {
    if (left <= keep && now - file.modified < kOldestMemo) break;
    left--;
    if (unlinkat(directory, file.name.c_str(), 0) == 0) removed.plans++;
  }
  return removed;
}

}  // namespace chrun
