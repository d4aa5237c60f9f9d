#include "squashfs/meet/sharing.h"

#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "base/proc.h"
#include "squashfs/meet/channel.h"

namespace chrun::squashfs {
namespace {

constexpr char kFormat[] = "3";  // of the packets; another version of ours finds another door
constexpr rlim_t kMostDescriptors = 16384;
// ioprio_get(2) and set_mempolicy(2) have no names in the C library
constexpr int kOfProcess = 1, kDefaultPolicy = 0;

/// Limits that a server can run into.
constexpr decltype(RLIMIT_AS) kLimits[] = {RLIMIT_AS,    RLIMIT_CPU,    RLIMIT_DATA,
                                           RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_STACK};

class Identity {
 public:
  void add(std::string_view word) { text_.append(" ").append(word); }
  template <typename Number>
  void add_number(Number number) {
    add(std::to_string(number));
  }
  void add_namespace(const char* path) {
    struct stat status;
    // before Linux 4.6 there are no namespaces of control groups
    add_number(stat(path, &status) == 0 ? status.st_ino : 0);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_ = kFormat;
};

void add_file(Identity& identity, int image) {
  struct stat file;
  if (fstat(image, &file) < 0) throw Refused("fstat").cannot("examine the image");
  identity.add_number(file.st_dev);
  identity.add_number(file.st_ino);
  identity.add_number(file.st_size);
  identity.add_number(file.st_mtim.tv_sec);
  identity.add_number(file.st_mtim.tv_nsec);
  identity.add_number(file.st_ctim.tv_sec);
  identity.add_number(file.st_ctim.tv_nsec);
}

/// The control groups in which a batch system, or systemd, would end the server together with the launcher. Slurm has a
/// group for each task of a step, but ends whole steps.
void add_control_groups(Identity& identity) {
  const std::string groups = text_of("/proc/self/cgroup");
  uint64_t sum = kHashStart;
  for (size_t start = 0; start < groups.size();) {
    const size_t end = std::min(groups.find('\n', start), groups.size());
    std::string_view line = std::string_view(groups).substr(start, end - start);
    if (const size_t step = line.find("/step_"); step != std::string_view::npos && line.find("/job_") < step)
      line = line.substr(0, line.find('/', step + 1));
    sum = hash(line, sum);
    start = end + 1;
  }
  identity.add_number(sum);
}

void add_limits(Identity& identity) {
  for (const auto kind : kLimits) {
    rlimit limit{};
    getrlimit(kind, &limit);
    identity.add_number(limit.rlim_max);
  }
}

void add_priorities(Identity& identity) {
  identity.add_number(getpriority(PRIO_PROCESS, 0));
  identity.add_number(sched_getscheduler(0));
  identity.add_number(syscall(SYS_ioprio_get, kOfProcess, 0));
  identity.add(text_of("/proc/self/oom_score_adj"));
}

void use_all_processors() {
  cpu_set_t all;
  memset(&all, 0xff, sizeof all);
  sched_setaffinity(0, sizeof all, &all);
}

void raise_limits() {
  for (const auto kind : kLimits) {
    rlimit limit;
    if (getrlimit(kind, &limit) < 0) continue;
    // one descriptor for each container that uses this server: up to the hard limit, within reason
    limit.rlim_cur = kind == RLIMIT_NOFILE ? std::min(limit.rlim_max, kMostDescriptors) : limit.rlim_max;
    setrlimit(kind, &limit);
  }
}

}  // namespace

std::string sharing_identity(int image, uint64_t offset) {
  Identity identity;
  identity.add_number(geteuid());
  identity.add_number(getegid());
  add_file(identity, image);
  identity.add_number(offset);
  for (const char* path : {"/proc/self/ns/pid", "/proc/self/ns/user", "/proc/self/ns/cgroup"})
    identity.add_namespace(path);
  add_control_groups(identity);
  add_limits(identity);
  add_priorities(identity);
  return identity.take();
}

void leave_own_settings() {
  raise_limits();
  use_all_processors();
  syscall(SYS_set_mempolicy, kDefaultPolicy, nullptr, 0);
}

}  // namespace chrun::squashfs
