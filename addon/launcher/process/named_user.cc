#include "launcher/process/named_user.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/records.h"

namespace chrun {
namespace {

using Fields = std::vector<std::string_view>;

Fields split(std::string_view text, char separator) {
  Fields fields;
  for (size_t start = 0, end; start <= text.size(); start = end + 1) {
    end = std::min(text.find(separator, start), text.size());
    fields.push_back(text.substr(start, end - start));
  }
  return fields;
}

/// Empty where it is missing, or not a file.
std::string read_table(const char* path) {
  constexpr size_t kLargest = 16 << 20;
  const Fd file(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status;
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return read_all(file.get(), std::string("the container's ") + path, kLargest);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

unsigned to_id(std::string_view text) {
  return static_cast<unsigned>(parse_number(text, 0xfffffffe, "a user's or group's number"));
}

std::optional<unsigned> id_in(std::string_view text) {
  if (!is_number(text)) return {};
  return to_id(text);
}

/// The first line with enough fields, whose field `at` is this word.
template <typename Use>
bool find_line(const std::string& table, size_t fewest, size_t at, std::string_view word, Use use) {
  for (const std::string_view line : split(table, '\n')) {
    const Fields fields = split(line, ':');
    if (fields.size() >= fewest && fields[at] == word) return use(fields), true;
  }
  return false;
}

std::vector<gid_t> groups_of(std::string_view user, const std::string& table) {
  std::vector<gid_t> groups;
  for (const std::string_view line : split(table, '\n')) {
    const Fields fields = split(line, ':');
    if (fields.size() < 4 || std::ranges::count(split(fields[3], ','), user) == 0) continue;
    if (const auto gid = id_in(fields[2])) groups.push_back(*gid);
  }
  return groups;
}

}  // namespace

NamedUser find_user(const std::string& user, const std::string& group) {
  NamedUser found{};
  const std::string groups = read_table("/etc/group");
  const auto take = [&](const Fields& fields) {
    const auto uid = id_in(fields[2]), gid = id_in(fields[3]);
    if (!uid || !gid) throw Error("the container's /etc/passwd has no numbers for user " + user);
    found = {*uid, *gid, groups_of(fields[0], groups)};
  };
  if (is_number(user))
    found.uid = to_id(user);
  else if (!find_line(read_table("/etc/passwd"), 4, 0, user, take))
    throw Error("the container's /etc/passwd has no user " + user);
  if (group.empty()) return found;
  const auto take_group = [&](const Fields& fields) {
    const auto gid = id_in(fields[2]);
    if (!gid) throw Error("the container's /etc/group has no number for group " + group);
    found.gid = *gid;
  };
  if (is_number(group))
    found.gid = to_id(group);
  else if (!find_line(groups, 3, 0, group, take_group))
    throw Error("the container's /etc/group has no group " + group);
  return found;
}

std::string home_of(uid_t uid) {
  std::string home;
  find_line(read_table("/etc/passwd"), 6, 2, std::to_string(uid), [&](const Fields& fields) { home = fields[5]; });
  return home;
}

}  // namespace chrun
