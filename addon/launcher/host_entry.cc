#include "launcher/host_entry.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "launcher/log.h"

extern "C" char** environ;

namespace chrun {
namespace {

constexpr size_t kLargestFile = 256 << 20;  // bytes; a site's whole directory may have been written into one

std::string read_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw SysError("read " + path, "open");
  return read_all(file.get(), path, kLargestFile);
}

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
bool comes_first(const char* database) {
  const std::string configuration = read_file("/etc/nsswitch.conf");
  for (std::string_view rest = configuration; !rest.empty();) {
    std::string_view line = take_line(rest);
    line = line.substr(0, line.find('#'));
    if (take_field(line) != database) continue;
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    return line.substr(0, line.find_first_of(" \t[")) == "files" &&
           strcasestr(std::string(line).c_str(), "success=continue") == nullptr;
  }
  return false;
}

/// The fields of the entry with this number, in lines as passwd(5) and group(5) have them: NAME:PASSWORD:NUMBER:…
std::vector<std::string> find_entry(std::string_view text, size_t count, unsigned id) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    std::vector<std::string_view> fields;
    for (std::string_view rest = line; fields.size() < 3 && !rest.empty();) fields.push_back(take_field(rest));
    if (fields.size() < 3 || fields[0].empty() || strchr("#+-", fields[0][0])) continue;
    unsigned number;
    const auto [end, failure] = std::from_chars(fields[2].begin(), fields[2].end(), number);
    if (failure != std::errc() || end != fields[2].end() || number != id) continue;
    std::vector<std::string> entry;
    for (size_t i = 0; i < count; i++) entry.emplace_back(take_field(line));
    return entry;
  }
  return {};
}

}  // namespace

HostEntry::HostEntry(const ExpectChild&, const char* database, unsigned id)
    : count_(strcmp(database, "passwd") == 0 ? 7 : 4), id_(id) {
  try {
    if (comes_first(database)) fields_ = find_entry(read_file(std::string("/etc/") + database), count_, id);
  } catch (const Error& failure) {
    log::verbose(1, failure.what());
  }
  if (fields_.empty()) ask(database, id);
}

HostEntry::~HostEntry() { fields(); }

void HostEntry::ask(const char* database, unsigned id) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  answer_ = Fd(ends[0]);
  const Fd writing(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string words[] = {"getent", database, std::to_string(id)};
  char* const arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  const int failure = posix_spawnp(&asked_, "getent", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == 0) return;
  asked_ = -1;
  log::verbose(1, "can't ask the host's name service: getent: " + errno_words(failure));
}

const std::vector<std::string>& HostEntry::fields() {
  if (asked_ < 0) return fields_;
  try {
    fields_ = find_entry(read_all(answer_.get(), "the answer of getent", kLargestFile), count_, id_);
  } catch (const Error& failure) {
    log::verbose(1, failure.what());
  }
  while (waitpid(asked_, nullptr, 0) < 0 && errno == EINTR) {
  }
  asked_ = -1;
  return fields_;
}

}  // namespace chrun
