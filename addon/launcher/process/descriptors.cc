#include "launcher/process/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/system_calls.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

constexpr int kFirst = STDERR_FILENO + 1;

std::vector<int> noted;

/// All that are open above the standard streams.
std::vector<int> list_descriptors() {
  std::vector<int> all;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return all;
  while (const dirent* entry = readdir(directory)) {
    const int number = atoi(entry->d_name);
    if (number >= kFirst && number != dirfd(directory)) all.push_back(number);
  }
  closedir(directory);
  return all;
}

}  // namespace

void note_descriptors() { noted = list_descriptors(); }

void close_descriptors_above(unsigned count) {
  const int end = kFirst + static_cast<int>(count);
  const auto open = static_cast<unsigned>(std::ranges::count_if(noted, [&](int number) { return number < end; }));
  if (open < count)
    log::warning("only " + std::to_string(open) + " of the " + std::to_string(count) +
                 " descriptors after the standard streams are open");
  for (const int number : noted) {
    if (number >= end) close(number);
  }
}

void keep_descriptors(unsigned count) {
  constexpr unsigned kCloseOnExec = 4;  // of close_range(2), Linux 5.11
  const int end = kFirst + static_cast<int>(count);
  // others in that range are ours
  for (const int number : noted) {
    if (number >= end) continue;
    if (fcntl(number, F_SETFD, 0) != 0) throw Refused("fcntl").cannot("preserve descriptor " + std::to_string(number));
  }
  if (syscall(kCloseRange, end, ~0U, kCloseOnExec) == 0) return;
  for (const int number : list_descriptors()) {
    if (number >= end) fcntl(number, F_SETFD, FD_CLOEXEC);
  }
}

}  // namespace chrun
