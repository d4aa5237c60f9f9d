#include "squashfs/server/detach.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/system_calls.h"
#include "squashfs/meet/sharing.h"

namespace chrun::squashfs {
namespace {

/// Only SIGKILL ends the server before its time: a batch system that sends SIGTERM, SIGUSR1 … to all processes of a
/// step means the user's command, which needs its files to clean up. Faults keep their default: a crash is not
/// survived.
void ignore_signals() {
  const auto fault = [](int number) {
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE || number == SIGABRT ||
           number == SIGTRAP || number == SIGSYS;
  };
  for (int number = 1; number <= SIGRTMAX; ++number) signal(number, fault(number) ? SIG_DFL : SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// A caller with closed standard streams makes its descriptors there.
void move_up(Fd& descriptor) {
  const int number = fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 3);
  if (number < 0) throw Refused("fcntl").cannot("duplicate descriptor " + std::to_string(descriptor.get()));
  descriptor = Fd(number);
}

void close_listed(int first, int last) {
  DIR* listing = opendir("/proc/self/fd");
  if (!listing) return;
  while (const dirent* entry = readdir(listing)) {
    const int number = atoi(entry->d_name);  // "." and ".." give 0
    if (number >= first && number <= last && number != dirfd(listing)) close(number);
  }
  closedir(listing);
}

void close_range_of(int first, int last) {
  // Linux 5.9; sandboxes of container engines may refuse it too
  if (first <= last && syscall(kCloseRange, first, last, 0) < 0) close_listed(first, last);
}

void close_others(const std::vector<Fd*>& kept) {
  std::vector<int> numbers{2};
  for (const Fd* descriptor : kept) numbers.push_back(descriptor->get());
  std::sort(numbers.begin(), numbers.end());
  for (size_t each = 1; each < numbers.size(); ++each) close_range_of(numbers[each - 1] + 1, numbers[each] - 1);
  close_range_of(numbers.back() + 1, INT32_MAX);
}

void close_standard_streams() {
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw Refused("open").cannot("open /dev/null");
  for (int stream = 0; stream <= 2; ++stream) dup2(null.get(), stream);
}

}  // namespace

void detach(const std::vector<Fd*>& kept) {
  ignore_signals();
  setsid();  // fails only for a group leader, which has a session to itself after the next line of whoever started it
  umask(077);
  prctl(PR_SET_NAME, "ch-run-ts-sqfs");
  if (chdir("/") < 0) throw Refused("chdir").cannot("change to /");
  for (Fd* descriptor : kept) {
    if (*descriptor) move_up(*descriptor);
  }
  std::vector<Fd*> open;
  std::copy_if(kept.begin(), kept.end(), std::back_inserter(open), [](const Fd* each) { return bool(*each); });
  close_others(open);
  close_standard_streams();
  leave_own_settings();
}

}  // namespace chrun::squashfs
