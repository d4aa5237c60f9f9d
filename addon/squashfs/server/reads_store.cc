#include "squashfs/server/reads_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/system_calls.h"

namespace chrun::squashfs {
namespace {

constexpr size_t kMostRecords = 256;
constexpr size_t kKeptRecords = 192;  // after a removal, so that not every new one costs a removal
constexpr time_t kOldest = 30 * 24 * 3600;
constexpr time_t kDay = 24 * 3600;
constexpr size_t kNameSize = 16 + sizeof kReadsEnding - 1;

struct File {
  std::string name;
  time_t used;
};

std::vector<std::string> list_records(int directory) {
  std::vector<std::string> names;
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : fdopendir(copy), closedir);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    if (is_reads_name(entry->d_name)) names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace

bool is_reads_name(std::string_view name) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() == kNameSize && name.ends_with(kReadsEnding) &&
         std::all_of(name.begin(), name.begin() + 16, is_hex);
}

ReadsStore::ReadsStore(Fd directory) : directory_(std::move(directory)) {
  if (!directory_) return;
  void* shared = mmap(nullptr, kMostReads, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared != MAP_FAILED) shared_ = static_cast<char*>(shared);
}

std::string ReadsStore::load(const ReadsKey& key) const {
  struct stat status;
  const Fd file = open_reads(directory_.get(), reads_name(key).c_str(), status);
  const time_t now = time(nullptr);
  if (!file || now - status.st_mtime > kOldest) return {};
  std::string record(kMostReads, '\0');
  const ssize_t size = pread(file.get(), record.data(), record.size(), 0);
  record.resize(size > 0 ? static_cast<size_t>(size) : 0);
  // written once a day, not at each start: the time says only what is to be removed first
  if (now - status.st_mtime > kDay) futimens(file.get(), nullptr);
  return record;
}

void ReadsStore::make_room() const {
  const auto names = list_records(directory_.get());
  if (names.size() < kMostRecords) return;
  std::vector<File> files;
  for (const std::string& name : names) {
    struct stat status;
    if (fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
      files.push_back({name, status.st_mtime});
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.used < b.used; });
  for (size_t each = 0; each + kKeptRecords < files.size(); ++each)
    unlinkat(directory_.get(), files[each].name.c_str(), 0);
}

void ReadsStore::save(const std::string& name, size_t size) const {
  if (!is_reads_name(name) || size > kMostReads) return;
  const std::string draft = name + "." + std::to_string(getpid());
  const OpenHow how{O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600, 0};
  const Fd file(static_cast<int>(syscall(kOpenat2, directory_.get(), draft.c_str(), &how, sizeof how)));
  if (!file) return;
  const ssize_t written = write(file.get(), shared_, size);
  if (written == static_cast<ssize_t>(size) &&
      syscall(SYS_renameat2, directory_.get(), draft.c_str(), directory_.get(), name.c_str(), 0) == 0)
    return;
  unlinkat(directory_.get(), draft.c_str(), 0);
}

}  // namespace chrun::squashfs
