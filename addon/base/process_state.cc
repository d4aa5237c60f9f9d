#include "base/process_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "base/error.h"

namespace chrun {
namespace {

constexpr int kLastSignal = 64;

using Numbers = std::vector<unsigned long long>;

void append_numbers(std::string& bytes, std::string_view name, const Numbers& numbers) {
  std::vector<std::string> texts;
  for (const auto number : numbers) texts.push_back(std::to_string(number));
  append_record(bytes, name, {texts.begin(), texts.end()});
}

Numbers read_numbers(const Record& record) {
  Numbers numbers;
  for (const auto field : record.fields) numbers.push_back(parse_number(field, ~0ULL, std::string(record.name)));
  return numbers;
}

Numbers ignored_signals() {
  Numbers ignored;
  for (int number = 1; number <= kLastSignal; number++) {
    struct sigaction action;
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) ignored.push_back(number);
  }
  return ignored;
}

Numbers blocked_signals() {
  Numbers blocked;
  sigset_t set;
  sigprocmask(SIG_SETMASK, nullptr, &set);
  for (int number = 1; number <= kLastSignal; number++) {
    if (sigismember(&set, number) == 1) blocked.push_back(number);
  }
  return blocked;
}

Numbers open_descriptors() {
  Numbers open;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (!directory) {
    const int code = errno;
    if (code == ENOENT && access("/proc/self", F_OK) != 0) throw Error("there is no /proc: containers need it mounted");
    throw Refused("opendir", code).cannot("list the open descriptors");
  }
  while (const dirent* entry = readdir(directory.get())) {
    const int number = atoi(entry->d_name);
    if (entry->d_name[0] != '.' && number != dirfd(directory.get())) open.push_back(number);
  }
  return open;
}

/// Flags belong to the open file, which other processes share: only O_NONBLOCK is ours to have changed.
Numbers nonblocking_descriptors() {
  Numbers nonblocking;
  for (int number = 0; number <= 2; number++) {
    const int flags = fcntl(number, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK)) nonblocking.push_back(number);
  }
  return nonblocking;
}

bool has(const Numbers& numbers, unsigned long long number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

void restore_limit(const Numbers& soft) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) throw Refused("getrlimit").cannot("read the limit on open files");
  limit.rlim_cur = std::min<rlim_t>(soft.at(0), limit.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) throw Refused("setrlimit").cannot("restore the limit on open files");
}

void restore_ignored(const Numbers& ignored) {
  for (int number = 1; number <= kLastSignal; number++) {
    // KILL, STOP and the C library's own two refuse this, and never change
    signal(number, has(ignored, number) ? SIG_IGN : SIG_DFL);
  }
}

void restore_blocked(const Numbers& blocked) {
  sigset_t set;
  sigemptyset(&set);
  for (const auto number : blocked) sigaddset(&set, static_cast<int>(number));
  sigprocmask(SIG_SETMASK, &set, nullptr);
}

/// Node marks what it inherits as close-on-exec, and opens /dev/null where 0, 1 or 2 was closed.
void restore_descriptors(const Numbers& open) {
  for (const auto number : open) fcntl(static_cast<int>(number), F_SETFD, 0);
  for (int number = 0; number <= 2; number++) {
    if (!has(open, number)) close(number);
  }
}

void restore_nonblocking(const Numbers& nonblocking) {
  for (int number = 0; number <= 2; number++) {
    const int flags = fcntl(number, F_GETFL);
    if (flags < 0) continue;
    const int wanted = has(nonblocking, number) ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags) fcntl(number, F_SETFL, wanted);
  }
}

}  // namespace

void record_process_state(std::string& bytes) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) throw Refused("getrlimit").cannot("read the limit on open files");
  append_numbers(bytes, "open-files-limit", {limit.rlim_cur});
  append_numbers(bytes, "ignored-signals", ignored_signals());
  append_numbers(bytes, "blocked-signals", blocked_signals());
  append_numbers(bytes, "open-descriptors", open_descriptors());
  append_numbers(bytes, "nonblocking-descriptors", nonblocking_descriptors());
}

bool restore_process_state(const Record& record) {
  if (record.name == "open-files-limit") {
    const Numbers soft = read_numbers(record);
    if (soft.size() != 1) throw Error("malformed open-files-limit record");
    restore_limit(soft);
  } else if (record.name == "ignored-signals") {
    restore_ignored(read_numbers(record));
  } else if (record.name == "blocked-signals") {
    restore_blocked(read_numbers(record));
  } else if (record.name == "open-descriptors") {
    restore_descriptors(read_numbers(record));
  } else if (record.name == "nonblocking-descriptors") {
    restore_nonblocking(read_numbers(record));
  } else {
    return false;
  }
  return true;
}

}  // namespace chrun
