#include "launcher/doctor/try.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/files.h"
#include "base/records.h"
#include "base/system_calls.h"
#include "base/text.h"
#include "launcher/doctor/neighbour.h"
#include "launcher/doctor/try_overlay.h"
#include "launcher/doctor/try_runtime.h"
#include "launcher/files/mounts.h"
#include "launcher/files/root.h"
#include "launcher/process/namespaces.h"
#include "launcher/process/user_ns.h"
#include "refusals/hints.h"

namespace chrun {
namespace {

/// A directory that every machine has, to mount things at; only in namespaces of our own.
constexpr const char* kPlace = "/dev";

long check(long result, const char* action, const char* call) {
  if (result < 0) throw Refused(call).cannot(action);
  return result;
}

void enter_outer() { make_namespaces(kEveryContainer, {0, geteuid()}, {0, getegid()}); }

void try_nested() {
  const unsigned uid = geteuid(), gid = getegid();
  enter_outer();
  make_namespaces(kEveryContainer, {uid, 0}, {gid, 0});
}

void try_bind() {
  enter_outer();
  check(mount("/", "/", nullptr, MS_BIND | MS_REC, nullptr), "bind /", "mount");
}

void cover_place() {
  check(mount("tmpfs", kPlace, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64k"), "mount a tmpfs", "mount");
}

void mount_memory() {
  enter_outer();
  cover_place();
}

void try_pivot() {
  mount_memory();
  const Fd root(open(kPlace, O_PATH | O_DIRECTORY | O_CLOEXEC));
  pivot_into(root.get());
}

void enter_memory() {
  cover_place();
  check(chdir(kPlace), "enter a tmpfs", "chdir");
}

void try_fuse() {
  enter_outer();
  // in the namespace that mounts: the device belongs to the one in which it was opened
  const Fd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) throw Refused("open").cannot("open /dev/fuse").about("/dev/fuse");
  const std::string options = "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0";
  if (mount("none", kPlace, "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    throw Refused("mount").cannot("mount FUSE by its fd").about("FUSE");
}

Fd copy_root() {
  return Fd(static_cast<int>(check(syscall(kOpenTree, AT_FDCWD, "/", kOpenTreeClone | kOpenTreeCloexec | kRecursive),
                                   "copy a tree of mounts", "open_tree")));
}

void try_new_mounts() {
  enter_outer();
  const Fd place(open(kPlace, O_PATH | O_DIRECTORY | O_CLOEXEC));
  place_mount(copy_root().get(), place.get(), "move a tree of mounts");
  const Fd context(
      static_cast<int>(check(syscall(kFsopen, "tmpfs", kFsopenCloexec), "configure a file system", "fsopen")));
}

void try_mount_setattr() {
  enter_outer();
  MountChange change{};
  change.set = MS_RDONLY;
  check(syscall(kMountSetattr, copy_root().get(), "", AT_EMPTY_PATH | kRecursive, &change, sizeof change),
        "make mounts read-only", "mount_setattr");
}

void try_openat2() {
  const OpenHow how{O_PATH | O_CLOEXEC, 0, kResolveInRoot};
  const Fd root(static_cast<int>(
      check(syscall(kOpenat2, AT_FDCWD, "/", &how, sizeof how), "open a path below a root", "openat2")));
}

std::string own_name() { return "/ch-run-ts-doctor-" + std::to_string(getpid()); }

void try_shared_memory() {
  const std::string name = own_name();
  const Fd memory(shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  if (!memory) throw Refused("shm_open").cannot("create POSIX shared memory in /dev/shm");
  shm_unlink(name.c_str());
}

void try_semaphore() {
  const std::string name = own_name();
  sem_t* semaphore = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 1);
  if (semaphore == SEM_FAILED) throw Refused("sem_open").cannot("create a POSIX semaphore in /dev/shm");
  sem_unlink(name.c_str());
  sem_close(semaphore);
}

void try_join() {
  const Neighbour neighbour(enter_outer, "create user and mount namespaces");
  enter_namespaces(open_namespaces(neighbour.directory(), kEveryContainer), "another process");
}

void try_filter() {
  const unsigned action = SECCOMP_RET_ERRNO;
  check(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), "ask for seccomp filters", "seccomp");
}

struct Check {
  const char* name;
  void (*perform)();
};

constexpr Check kChecks[] = {
    {"user-namespace", enter_outer},
    {"nested-user-namespace", try_nested},
    {"bind", try_bind},
    {"tmpfs", mount_memory},
    {"pivot-root", try_pivot},
    {"overlay", [] { try_overlay(enter_outer, enter_memory); }},
    {"fuse", try_fuse},
    {"overlay-over-fuse", [] { try_overlay_over_fuse(enter_outer, enter_memory); }},
    {"new-mount-calls", try_new_mounts},
    {"mount-setattr", try_mount_setattr},
    {"openat2", try_openat2},
    {"join", try_join},
    {"shared-memory", try_shared_memory},
    {"semaphore", try_semaphore},
    {"seccomp", try_filter},
};

int report(const Error& failure) {
  const auto* refusal = dynamic_cast<const SysError*>(&failure);
  const Advice advice = refusal ? advice_for(*refusal) : Advice{failure.hint(), "", "", ""};
  const std::pair<const char*, std::string_view> parts[] = {{"detail", failure.what()},
                                                            {"cause", advice.cause},
                                                            {"user", advice.user},
                                                            {"administrator", advice.administrator},
                                                            {"file", advice.file}};
  std::string records;
  for (const auto& [name, text] : parts) {
    if (!text.empty()) append_record(records, name, {text});
  }
  write_all(STDOUT_FILENO, records, "standard output");
  return static_cast<int>(Exit::failure);
}

}  // namespace

void try_all_checks() {
  for (const Check& check : kChecks) {
    const ExpectChild expect;
    const pid_t child = fork();
    if (child == 0) {
      try {
        check.perform();
        _exit(0);
      } catch (const Error& failure) {
        write_all(STDERR_FILENO, std::string(check.name) + ": " + visible(failure.what()) + "\n", "standard error");
      }
      _exit(1);
    }
    int status = 1;
    if (child > 0) wait_for_child(child, &status);
    write_all(STDOUT_FILENO, std::string(status == 0 ? "yes  " : "no   ") + check.name + "\n", "standard output");
  }
}

int try_check(const char* name, const std::vector<std::string>& words) {
  try {
    if (try_runtime_check(name, words)) return 0;
    for (const Check& check : kChecks) {
      if (strcmp(check.name, name) != 0) continue;
      check.perform();
      return 0;
    }
  } catch (const Error& failure) {
    return report(failure);
  }
  throw Error(std::string("there is no check named ") + name, {}, Exit::usage);
}

}  // namespace chrun
