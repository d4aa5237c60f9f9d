#include "launcher/memo/facts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/file_words.h"
#include "base/glob.h"
#include "base/host_path.h"
#include "base/proc.h"
#include "base/records.h"
#include "launcher/memo/value_words.h"

extern "C" char** environ;

namespace chrun {
namespace {

bool is_this_user(const Step& fact) {
  return fact.fields[0] == std::to_string(geteuid()) && fact.fields[1] == std::to_string(getegid());
}

bool is_this_directory(const Step& fact) {
  char* path = getcwd(nullptr, 0);
  const bool same = path != nullptr && fact.fields[0] == path;
  free(path);
  return same;
}

/// Why nothing was found: it is absent, or it can't be examined, for whatever reason.
const char* missing_word() { return errno == ENOENT || errno == ENOTDIR ? "absent" : "barred"; }

/// What src/host/host.ts calls PathKind.
std::string_view path_kind(const char* path) {
  struct stat status;
  if (stat(path, &status) != 0) return missing_word();
  if (S_ISDIR(status.st_mode)) return "directory";
  return S_ISREG(status.st_mode) ? "file" : "other";
}

/// What src/host/host.ts calls DeviceKind; empty where that can't be found out.
std::string device_kind(const char* path) {
  struct stat status;
  if (stat(path, &status) != 0) return errno == ENOENT || errno == ENOTDIR ? "absent" : "";
  if (S_ISFIFO(status.st_mode)) return "p";
  if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) return "other";
  return (S_ISCHR(status.st_mode) ? "c " : "b ") + device_words(status);
}

/// What src/host/host.ts calls ownerOf().
std::string owner_of(const char* path, bool follow) {
  struct stat status;
  if (fstatat(AT_FDCWD, path, &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return missing_word();
  const char* kind = S_ISLNK(status.st_mode)   ? "link "
                     : S_ISDIR(status.st_mode) ? "directory "
                     : S_ISREG(status.st_mode) ? "file "
                                               : "other ";
  return kind + std::to_string(status.st_uid) + " " + std::to_string(status.st_gid) + " " + mode_words(status.st_mode);
}

bool is_same_owner(const Step& fact) {
  return fact.fields[2] == owner_of(fact.fields[0].data(), fact.fields[1] == "follow");
}

bool is_same_file(const Step& fact) {
  struct stat status;
  return stat(fact.fields[0].data(), &status) == 0 && fact.fields[1] == std::to_string(status.st_dev) &&
         fact.fields[2] == std::to_string(status.st_ino) && fact.fields[3] == std::to_string(status.st_size) &&
         fact.fields[4] == time_words(status.st_mtim) && fact.fields[5] == time_words(status.st_ctim);
}

bool is_same_inode(const Step& fact) {
  struct stat status;
  return lstat(fact.fields[0].data(), &status) == 0 && fact.fields[1] == inode_words(status);
}

bool is_same_value(const Step& fact) {
  const char* value = getenv(fact.fields[0].data());
  if (fact.fields.size() == 1) return value == nullptr;
  return value != nullptr && fact.fields[1] == value;
}

/// Any that was added, changed or removed counts, so all are compared at once.
bool are_same_variables(const Step& fact) {
  std::vector<std::string> found;
  for (char** entry = environ; *entry != nullptr; entry++) {
    if (std::string_view(*entry).starts_with(fact.fields[0])) found.push_back(without_values(*entry));
  }
  std::sort(found.begin(), found.end());
  return std::equal(found.begin(), found.end(), fact.fields.begin() + 1, fact.fields.end());
}

bool has_same_matches(const Step& fact) {
  const auto paths = matching_paths(std::string(fact.fields[0]));
  return std::equal(paths.begin(), paths.end(), fact.fields.begin() + 1, fact.fields.end());
}

bool is_plain_file(const Step& fact) {
  struct stat status;
  const bool plain = lstat(fact.fields[0].data(), &status) == 0 && S_ISREG(status.st_mode);
  return fact.fields[1] == (plain ? "yes" : "no");
}

bool are_same_groups(const Step& fact) {
  return fact.fields[0] == text_of("/proc/self/cgroup") && fact.fields[1] == group_mounts();
}

struct Kind {
  std::string_view name;
  size_t fewest, most;  // fields
  bool (*holds)(const Step&);
};

constexpr Kind kKinds[] = {
    {"user", 2, 2, is_this_user},
    {"directory", 1, 1, is_this_directory},
    {"path", 2, 2, [](const Step& fact) { return fact.fields[1] == path_kind(fact.fields[0].data()); }},
    {"device", 2, 2, [](const Step& fact) { return fact.fields[1] == device_kind(fact.fields[0].data()); }},
    {"plain-file", 2, 2, is_plain_file},
    {"owner", 3, 3, is_same_owner},
    {"inode", 2, 2, is_same_inode},
    {"file", 6, 6, is_same_file},
    {"control-groups", 2, 2, are_same_groups},
    {"glob", 1, ~size_t{0}, has_same_matches},
    {"variable", 1, 2, is_same_value},
    {"variables", 1, ~size_t{0}, are_same_variables},
};

/// A fact of an unknown kind, or with other fields than it should have, holds never.
bool holds(const Step& fact) {
  for (const Kind& kind : kKinds) {
    if (kind.name == fact.kind) {
      return fact.fields.size() >= kind.fewest && fact.fields.size() <= kind.most && kind.holds(fact);
    }
  }
  return false;
}

}  // namespace

void check_user(const Plan& plan) {
  for (const Step& fact : plan.facts) {
    if (fact.kind != "user" || fact.fields.size() != 2 || is_this_user(fact)) continue;
    throw Error("the plan was made for user " + std::string(fact.fields[0]) + " and group " +
                std::string(fact.fields[1]) + ", you are " + std::to_string(geteuid()) + " and " +
                std::to_string(getegid()));
  }
}

std::string broken_fact(const Plan& plan) {
  for (const Step& fact : plan.facts) {
    if (holds(fact)) continue;
    const std::string what(fact.fields.empty() ? "" : fact.fields[0]);
    return std::string(fact.kind) + " " + what + " is not what it was";
  }
  return {};
}

}  // namespace chrun
