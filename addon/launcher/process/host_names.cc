#include "launcher/process/host_names.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/own_path.h"
#include "base/proc.h"
#include "base/records.h"
#include "launcher/files/image_path.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

constexpr size_t kLargestAnswer = 1 << 20;  // bytes

/// Cuts the next line off `text`.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

/// Cuts off what is before the next colon, or all.
std::string_view take_field(std::string_view& line) {
  const std::string_view field = line.substr(0, line.find(':'));
  line.remove_prefix(std::min(line.size(), field.size() + 1));
  return field;
}

/// Whether the file in /etc is what the host's name service asks first, and stays with.
bool comes_first(std::string_view services, std::string_view database) {
  while (!services.empty()) {
    std::string_view line = take_line(services);
    line = line.substr(0, line.find('#'));
    if (take_field(line) != database) continue;
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    return line.substr(0, line.find_first_of(" \t[")) == "files" &&
           strcasestr(std::string(line).c_str(), "success=continue") == nullptr;
  }
  return false;
}

/// The fields of a line of passwd(5), or of group(5), which has fewer: NAME:PASSWORD:NUMBER:…
using Entry = std::array<std::string_view, 7>;

std::optional<Entry> find_entry(std::string_view text, unsigned id) {
  while (!text.empty()) {
    std::string_view line = take_line(text), rest = line;
    const std::string_view name = take_field(rest);
    if (name.empty() || strchr("#+-", name[0])) continue;
    take_field(rest);
    const std::string_view digits = take_field(rest);
    unsigned number;
    const auto [end, failure] = std::from_chars(digits.begin(), digits.end(), number);
    if (failure != std::errc() || end != digits.end() || number != id) continue;
    Entry entry;
    for (std::string_view& field : entry) field = take_field(line);
    return entry;
  }
  return {};
}

std::string to_word(std::optional<unsigned> id) { return id ? std::to_string(*id) : "-"; }

}  // namespace

HostNames::HostNames(std::optional<uid_t> uid, std::optional<gid_t> gid) {
  if (!uid && !gid) return;
  const std::string services = text_of("/etc/nsswitch.conf");
  const std::string users = uid && comes_first(services, "passwd") ? text_of("/etc/passwd") : "";
  if (const auto entry = uid ? find_entry(users, *uid) : std::nullopt) {
    names_.user = (*entry)[0];
    names_.comment = (*entry)[4];
    uid.reset();
  }
  const std::string groups = gid && comes_first(services, "group") ? text_of("/etc/group") : "";
  if (const auto entry = gid ? find_entry(groups, *gid) : std::nullopt) {
    names_.group = (*entry)[0];
    gid.reset();
  }
  if (uid || gid) ask(uid, gid);
}

HostNames::~HostNames() {
  if (program_ < 0) return;
  while (waitpid(program_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

const Names& HostNames::get() {
  hear();
  return names_;
}

void HostNames::ask(std::optional<uid_t> uid, std::optional<gid_t> gid) {
  const Program program = open_sibling("ch-run-ts-names");
  const Refused refused("open");
  const std::string action = "start the look-up of names " + program.path;
  if (!program.file) return log::verbose(1, refused.cannot(action).what());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    log::verbose(1, Refused("pipe2").cannot("ask for names").what());
    return;
  }
  answer_ = Fd(ends[0]);
  const Fd theirs(ends[1]);
  // a script's interpreter must be able to open it, too
  for (const Fd* kept : {&theirs, &program.file}) fcntl(kept->get(), F_SETFD, 0);
  std::string words[] = {"ch-run-ts-names", std::to_string(theirs.get()), to_word(uid), to_word(gid)};
  char* const arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  char* const environment[] = {nullptr};  // a library path meant for the user's command must not get into it
  expect_.emplace();
  const std::string file = descriptor_path(program.file.get());
  const int failure = posix_spawn(&program_, file.c_str(), nullptr, nullptr, arguments, environment);
  if (failure == 0) return;
  program_ = -1;
  log::verbose(1, Refused("execve", failure).cannot(action).what());
}

void HostNames::hear() {
  if (!answer_) return;
  try {
    const std::string answer = read_all(answer_.get(), "the names that the host knows", kLargestAnswer);
    for (const Record& record : parse_records(answer, "the names that the host knows")) {
      std::string* const name = record.name == "user"      ? &names_.user
                                : record.name == "comment" ? &names_.comment
                                : record.name == "group"   ? &names_.group
                                                           : nullptr;
      if (name != nullptr && record.fields.size() == 1 && !record.fields[0].empty()) *name = record.fields[0];
    }
    log::verbose(1, "asked for names: " + names_.user + ", " + names_.group);  // its time tells of a slow service
  } catch (const Error& failure) {
    log::verbose(1, failure.what());
  }
  answer_.reset();
}

}  // namespace chrun
