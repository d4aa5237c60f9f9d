#include "base/proc.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/system_calls.h"

namespace chrun {

std::string text_of(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  try {
    return read_all(file.get(), path, 16 << 20);
  } catch (const Error&) {
    return {};
  }
}

std::string group_in(std::string_view table, std::string_view controllers) {
  while (!table.empty()) {
    const size_t end = std::min(table.find('\n'), table.size());
    // NUMBER:CONTROLLERS:PATH
    const std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second != line.npos && line.substr(first + 1, second - first - 1) == controllers)
      return std::string(line.substr(second + 1));
  }
  return {};
}

Fd open_own_file(const char* path) {
  Fd file(open(path, O_WRONLY | O_CLOEXEC));
  if (file || errno != EACCES || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return file;
  return Fd(open(path, O_WRONLY | O_CLOEXEC));
}

namespace {

/// In this table blanks and backslashes are a backslash and three octal digits.
std::string unescape(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size();
    plain += escaped ? static_cast<char>(strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)) : text[i];
    if (escaped) i += 3;
  }
  return plain;
}

std::string_view after_fields(std::string_view line, int count) {
  for (; count > 0; count--) line.remove_prefix(line.find(' ') + 1);
  return line;
}

/// Calls `take(id, rest)` for each line of mountinfo; `rest` is the line after its first two numbers, with its end.
template <typename Take>
void read_mounts(Take take) {
  const std::string text = text_of("/proc/self/mountinfo");
  for (size_t line = 0, end; (end = text.find('\n', line)) != std::string::npos; line = end + 1)
    take(strtoull(text.c_str() + line, nullptr, 10),
         after_fields(std::string_view(text).substr(line, end + 1 - line), 2));
}

/// The mount point in such a rest: the number of the device and the root precede it.
std::string place_in(std::string_view rest) {
  const std::string_view place = after_fields(rest, 2);
  return unescape(std::string(place.substr(0, place.find(' '))));
}

}  // namespace

std::vector<MountEntry> mount_table() {
  std::vector<MountEntry> table;
  read_mounts([&](unsigned long long id, std::string_view rest) { table.push_back({id, place_in(rest)}); });
  return table;
}

std::string group_mounts() {
  std::string kept;
  read_mounts([&](unsigned long long id, std::string_view rest) {
    if (rest.find(" - cgroup") == std::string_view::npos) return;
    const unsigned long long seen = mount_at(AT_FDCWD, place_in(rest).c_str(), AT_SYMLINK_NOFOLLOW);
    if (seen == id || (seen == 0 && errno == ENOSYS)) kept += rest;
  });
  return kept;
}

unsigned long long mount_at(int directory, const char* path, int flags) {
  struct statx status {};
  if (statx(directory, path, flags | AT_NO_AUTOMOUNT, kStatxMountId, &status) != 0) return 0;
  if (!(status.stx_mask & kStatxMountId)) return errno = ENOSYS, 0;
  // as a number at this place, so that older headers do
  unsigned long long id;
  memcpy(&id, reinterpret_cast<const char*>(&status) + kStatxMountIdAt, sizeof id);
  return id;
}

unsigned long long mount_of(int file) {
  if (const auto id = mount_at(file, "", AT_EMPTY_PATH)) return id;
  // before Linux 5.8
  constexpr std::string_view kField = "mnt_id:\t";  // proc_pid_fdinfo(5)
  const std::string text = text_of("/proc/self/fdinfo/" + std::to_string(file));
  const size_t at = text.find(kField);
  return at == std::string::npos ? 0 : strtoull(text.c_str() + at + kField.size(), nullptr, 10);
}

std::optional<bool> is_in_own_user_namespace(int directory, const std::string& link) {
  struct stat ours, theirs;
  if (fstatat(directory, link.c_str(), &theirs, 0) != 0 || stat("/proc/self/ns/user", &ours) != 0) return {};
  return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

}  // namespace chrun
