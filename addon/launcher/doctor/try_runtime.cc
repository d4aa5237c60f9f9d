#include "launcher/doctor/try_runtime.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/files.h"
#include "base/proc.h"
#include "containers/groups.h"
#include "launcher/doctor/neighbour.h"
#include "launcher/files/mapped_mount.h"
#include "launcher/files/root.h"
#include "launcher/parent/id_maps.h"
#include "launcher/process/namespaces.h"
#include "launcher/process/scheduling.h"
#include "launcher/process/user_ns.h"

namespace chrun {
namespace {

using Words = std::vector<std::string>;

/// A mount point that every machine has, and in it the devices of every container.
constexpr const char* kPlace = "/dev";

void require(bool done, const char* call, const std::string& action) {
  if (!done) throw Refused(call).cannot(action);
}

void say(const std::string& text) { write_all(STDOUT_FILENO, text, "standard output"); }

/// As a container is made: with a user namespace where there is no right to do without.
void enter() {
  if (unshare(CLONE_NEWNS) != 0) return make_namespaces(kEveryContainer, {0, geteuid()}, {0, getegid()});
  require(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount", "make mounts private");
}

void try_root(const Words&) {
  enter();
  require(mount("tmpfs", kPlace, "tmpfs", 0, "mode=0755,size=64k") == 0, "mount", "mount a tmpfs");
  const Fd root(open(kPlace, O_PATH | O_DIRECTORY | O_CLOEXEC));
  pivot_into(root.get());
}

void try_namespaces(const Words&) {
  enter();
  constexpr int kKinds = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  require(unshare(kKinds) == 0, "unshare", "create namespaces of processes, network, IPC, names and control groups");
}

void try_time(const Words&) {
  constexpr int kNewTime = 0x80;  // CLONE_NEWTIME, Linux 5.6
  constexpr std::string_view kOffset = "boottime 10 0\n";
  enter();
  require(unshare(kNewTime) == 0, "unshare", "create a time namespace");
  const Fd file = open_own_file("/proc/self/timens_offsets");
  require(file && write(file.get(), kOffset.data(), kOffset.size()) > 0, "write", "set the offset of a clock");
}

/// What `act` throws in a child: of a PID namespace, the first process.
void in_child(void (*act)()) {
  const Fd said = memory_file("refusal", "", false);
  const ExpectChild expect;
  const pid_t child = fork();
  require(child >= 0, "fork", "make a process");
  if (child == 0) {
    try {
      act();
      _exit(0);
    } catch (const SysError& refusal) {
      write_all(said.get(), std::string(refusal.what()), "memory");
      _exit(refusal.code());
    }
  }
  int status = 0;
  wait_for_child(child, &status);
  if (status == 0) return;
  lseek(said.get(), 0, SEEK_SET);
  throw SysError(read_all(said.get(), "memory", 4096), {}, "mount", WIFEXITED(status) ? WEXITSTATUS(status) : EIO,
                 Exit::failure);
}

void try_proc(const Words&) {
  enter();
  require(unshare(CLONE_NEWPID) == 0, "unshare", "create a PID namespace");
  in_child([] { require(mount("proc", kPlace, "proc", 0, nullptr) == 0, "mount", "mount a new /proc"); });
}

void try_terminals(const Words&) {
  enter();
  require(mount("devpts", kPlace, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666") == 0, "mount",
          "mount a devpts");
  const Fd terminal(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  require(bool(terminal), "open", "open a terminal");
}

void require_device(const char* path) {
  const Fd device(open(path, O_WRONLY | O_CLOEXEC));
  require(device && write(device.get(), "x", 1) == 1, "open", std::string("write to ") + path);
}

void try_device_nodes(const Words&) {
  enter();
  require(mount("tmpfs", kPlace, "tmpfs", 0, "mode=0755,size=64k") == 0, "mount", "mount a tmpfs");
  require(mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0, "mknod", "make the device /dev/null");
  require_device("/dev/null");
}

void try_device_binds(const Words&) {
  enter();
  require(mount("/dev/null", "/dev/full", nullptr, MS_BIND, nullptr) == 0, "mount", "bind /dev/null");
  require_device("/dev/full");
}

/// WORDS: lines of maps as write_id_map() takes them: of users, then `-`, then of groups.
void try_id_ranges(const Words& words) {
  const auto middle = std::ranges::find(words, "-");
  const Words users(words.begin(), middle), groups(middle == words.end() ? middle : middle + 1, words.end());
  const Neighbour neighbour([] { require(unshare(CLONE_NEWUSER) == 0, "unshare", "create a user namespace"); },
                            "create a user namespace");
  const ExpectChild expect;
  write_id_map('u', neighbour.pid(), MapWriter::helper, users);
  write_id_map('g', neighbour.pid(), MapWriter::helper, groups);
}

void try_mapped_mount(const Words&) {
  try {
    copy_mapped("/", false, false, {"0 1000 1\n", "0 1000 1\n"});
  } catch (const SysError& refusal) {
    if (refusal.hint().empty()) throw;
    // it knows better than the table of hints, which is about user namespaces
    throw Error(refusal.what(), refusal.hint());
  }
}

void try_seccomp_actions(const Words&) {
  constexpr std::pair<const char*, unsigned> kActions[] = {{"kill process", SECCOMP_RET_KILL_PROCESS},
                                                           {"kill thread", SECCOMP_RET_KILL_THREAD},
                                                           {"trap", SECCOMP_RET_TRAP},
                                                           {"errno", SECCOMP_RET_ERRNO},
                                                           {"trace", SECCOMP_RET_TRACE},
                                                           {"log", SECCOMP_RET_LOG}};
  std::string names;
  for (const auto& [name, action] : kActions) {
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
      names += (names.empty() ? "" : ", ") + std::string(name);
  }
  require(!names.empty(), "seccomp", "ask for seccomp filters");
  say(names);
}

void try_seccomp_agent(const Words&) {
  sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const sock_fprog program{1, &allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const Fd agent(
      static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program)));
  require(bool(agent), "seccomp", "install a filter with an agent");
}

void set_label(const std::string& module, const std::string& label) {
  const Fd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  set_security_label(proc.get(), module, label);
  say("confined as " + label.substr(0, label.find_first_of(std::string_view("\n\0", 2))) + " now");
}

void try_apparmor(const Words&) {
  const std::string current = text_of("/proc/self/attr/apparmor/current");
  set_label("apparmor", current.empty() ? "unconfined" : current.substr(0, current.find_first_of(" \n")));
}

void try_selinux(const Words&) {
  require(access("/sys/fs/selinux/enforce", F_OK) == 0, "access", "find SELinux at /sys/fs/selinux");
  set_label("selinux", text_of("/proc/self/attr/current"));
}

/// Groups that are made and removed with this object, with a process in them.
class TriedGroups {
 public:
  /// WORDS: which controllers of version 2 to enable, with commas, and CONTROLLERS MOUNT PATH for each group.
  explicit TriedGroups(const Words& words) : resident_([] {}, "make a process") {
    Words enabled;
    std::istringstream list(words.at(0));
    for (std::string name; std::getline(list, name, ',');) enabled.push_back(name);
    for (size_t i = 1; i + 2 < words.size(); i += 3) add({words[i], words[i + 1], words[i + 2], {}}, enabled);
  }
  ~TriedGroups() {
    try {
      remove_groups(groups_);
    } catch (const Error&) {
      return;  // the check says what it found; nothing is in them but our own child, which ends
    }
  }
  const Groups& get() const {
    if (groups_.empty()) throw refusal_;
    return groups_;
  }

 private:
  void add(Group group, const Words& enabled) {
    look_at_group(group);
    try {
      make_group(group, enabled);
      groups_.push_back(group);
      join_group(group, resident_.pid());
    } catch (const SysError& refusal) {
      refusal_ = refusal;
    }
  }
  Neighbour resident_;
  Groups groups_{};
  SysError refusal_{"there is no control group here", {}, "", 0, Exit::failure};
};

/// Of version 2, those that are delegated.
std::string controllers_of(const Group& group) {
  if (!group.is_unified()) return group.controllers;
  std::string names = text_of(group.file("cgroup.controllers"));
  while (!names.empty() && names.back() == '\n') names.pop_back();
  return names.empty() ? "no controllers" : names;
}

void try_control_groups(const Words& words) {
  const TriedGroups tried(words);
  std::string first, second;
  for (const Group& group : tried.get()) {
    std::string& list = group.is_unified() ? second : first;
    list += (list.empty() ? "" : " ") + controllers_of(group);
  }
  if (!first.empty()) first = "version 1: " + first;
  if (!second.empty()) second = "version 2: " + second;
  say(first + (first.empty() || second.empty() ? "" : "; ") + second);
}

void try_freezer(const Words& words) {
  const TriedGroups tried(words);
  freeze(tried.get(), true);
  freeze(tried.get(), false);
}

struct RuntimeCheck {
  std::string_view name;
  void (*perform)(const Words&);
};

constexpr RuntimeCheck kChecks[] = {
    {"root-directory", try_root},
    {"namespaces", try_namespaces},
    {"time-namespace", try_time},
    {"new-proc", try_proc},
    {"terminals", try_terminals},
    {"device-nodes", try_device_nodes},
    {"device-binds", try_device_binds},
    {"id-ranges", try_id_ranges},
    {"idmapped-mounts", try_mapped_mount},
    {"seccomp-actions", try_seccomp_actions},
    {"seccomp-agent", try_seccomp_agent},
    {"apparmor", try_apparmor},
    {"selinux", try_selinux},
    {"control-groups", try_control_groups},
    {"freezer", try_freezer},
};

}  // namespace

bool try_runtime_check(std::string_view name, const Words& words) {
  const auto* found = std::ranges::find(kChecks, name, &RuntimeCheck::name);
  if (found == std::end(kChecks)) return false;
  found->perform(words);
  return true;
}

}  // namespace chrun
