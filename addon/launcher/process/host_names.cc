#include "launcher/process/host_names.h"

#include <fcntl.h>

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/child.h"
#include "base/error.h"
#include "base/files.h"
#include "base/proc.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

constexpr size_t kLargestAnswer = 1 << 24;  // bytes; a group is listed with all its members

// not looked for along PATH, which is the command's
constexpr const char* kPrograms[] = {"/usr/bin/getent", "/bin/getent"};

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

/// Only the answer is read: modules of the name service print what they like elsewhere. Throws Error where it can't be
/// started.
Child start_getent(const char* database, unsigned id, int answer) {
  char* const environment[] = {nullptr};  // a library path meant for the user's command must not get into it
  for (const char* path : kPrograms) {
    try {
      return {path, {"getent", database, std::to_string(id)}, environment, {.output = answer}};
    } catch (const SysError& failure) {
      if (failure.code() != ENOENT) throw;
    }
  }
  throw Error("can't look up names: there is no getent(1) in /usr/bin or /bin");
}

/// What getent(1) writes, if it is whole lines.
std::string read_answer(Fd answer) {
  if (!answer) return {};
  try {
    const std::string text = read_all(answer.get(), "the names that the host knows", kLargestAnswer);
    return text.substr(0, text.rfind('\n') + 1);
  } catch (const Error& failure) {
    log::verbose(1, failure.what());
    return {};
  }
}

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
  // both are at work before either is heard
  if (uid) start(user_, "passwd", *uid);
  if (gid) start(group_, "group", *gid);
}

HostNames::~HostNames() {
  for (LookUp* look_up : {&user_, &group_}) {
    look_up->answer.reset();  // who still writes must not wait for us
    if (look_up->program) look_up->program->wait();
  }
}

const Names& HostNames::get() {
  hear();
  return names_;
}

void HostNames::start(LookUp& look_up, const char* database, unsigned id) {
  try {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Refused("pipe2").cannot("look up names");
    Fd ours(ends[0]);
    const Fd theirs = above_standard(Fd(ends[1]));
    if (!expect_) expect_.emplace();
    look_up.program.emplace(start_getent(database, id, theirs.get()));
    look_up.id = id;
    look_up.answer = std::move(ours);
  } catch (const Error& failure) {
    log::verbose(1, failure.what());
  }
}

void HostNames::hear() {
  if (!user_.answer && !group_.answer) return;
  const std::string user = read_answer(std::move(user_.answer)), group = read_answer(std::move(group_.answer));
  if (const auto entry = find_entry(user, user_.id)) {
    names_.user = (*entry)[0];
    names_.comment = (*entry)[4];
  }
  if (const auto entry = find_entry(group, group_.id)) names_.group = (*entry)[0];
  log::verbose(1, "asked for names: " + names_.user + ", " + names_.group);  // its time shows a slow service
}

}  // namespace chrun
