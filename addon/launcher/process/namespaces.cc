#include "launcher/process/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>

#include "base/error.h"
#include "base/process_id.h"
#include "base/system_calls.h"

namespace chrun {
namespace {

Fd open_below(int directory, const std::string& path) {
  Fd file(openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot("open the namespace " + path);
  return file;
}

/// Whether it belongs to the user namespace of this number; not where the kernel does not tell (before Linux 4.9).
bool belongs_to(const Fd& namespace_file, ino_t user) {
  const Fd owner(ioctl(namespace_file.get(), NS_GET_USERNS));
  return owner && inode_of(owner) == user;
}

/// What a container must have, and of the rest what belongs to its user namespace: it can share others with the host.
Namespaces open_own_namespaces(int process) {
  Namespaces namespaces;
  for (size_t i = 0; i < namespaces.size(); i++) {
    const NamespaceKind& kind = kNamespaceKinds[i];
    Fd file = open_below(process, std::string("ns/") + kind.file);
    if (kind.always || belongs_to(file, inode_of(namespaces[0]))) namespaces[i] = std::move(file);
  }
  return namespaces;
}

/// A process that can't become another one: what is opened below its directory in /proc is its own, or nothing, even if
/// its number has been given away meanwhile.
class Process {
 public:
  explicit Process(int pid) : name_("process " + std::to_string(pid)) {
    directory_ = Fd(open(("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory_) refuse("open");
    handle_ = Fd(static_cast<int>(syscall(kPidfdOpen, pid, 0)));
    // opened after the handle: so the directory's process had not ended by then, and they are of the same one
    try {
      namespaces_ = open_own_namespaces(directory_.get());
    } catch (const SysError& refusal) {
      check_owner();
      if (is_gone(refusal.code())) refuse("open", refusal.code());
      throw;
    }
  }

  const std::string& name() const { return name_; }
  const Namespaces& namespaces() const { return namespaces_; }
  /// Before Linux 5.3 there is none.
  const Fd& handle() const { return handle_; }

  /// The owner of /proc/PID is the process's effective user, or root if the process is protected from being looked at.
  void check_owner() const {
    struct stat status;
    if (fstat(directory_.get(), &status) != 0) refuse("stat");
    if (status.st_uid == geteuid()) return;
    const bool protection = status.st_uid == 0;
    throw Error("can't join " + name_ + ": it belongs to user " + std::to_string(status.st_uid) + ", not to you",
                protection ? "or it is protected from being looked into (prctl PR_SET_DUMPABLE), or about to end" : "");
  }

 private:
  static bool is_gone(int code) { return code == ENOENT || code == ESRCH; }

  [[noreturn]] void refuse(const char* call, int code = errno) const {
    if (is_gone(code)) throw Error("can't join " + name_ + ": there is no such process", "it may have ended");
    throw Refused(call, code).cannot("join " + name_);
  }

  const std::string name_;
  Fd directory_, handle_;
  Namespaces namespaces_;
};

/// Root inside keeps what its command is to have; but until then nothing needs it.
void drop_capabilities(const std::string& owner) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (geteuid() == 0 && syscall(SYS_capget, &header, sets) != 0)
    throw Refused("capget").cannot("enter the container of " + owner);
  for (auto& set : sets) set.effective = 0;
  if (syscall(SYS_capset, &header, sets) != 0) throw Refused("capset").cannot("enter the container of " + owner);
}

/// In one step, where the kernel can (Linux 5.8).
bool enter_at_once(const Process& process) {
  return process.handle() && setns(process.handle().get(), set_of(process.namespaces())) == 0;
}

}  // namespace

NamespaceSet set_of(const Namespaces& namespaces) {
  NamespaceSet set = 0;
  for (size_t i = 0; i < namespaces.size(); i++) set |= namespaces[i] ? kNamespaceKinds[i].flag : 0;
  return set;
}

ino_t inode_of(const Fd& namespace_file) {
  struct stat status;
  if (fstat(namespace_file.get(), &status) != 0) throw Refused("fstat").cannot("examine a namespace");
  return status.st_ino;
}

Namespaces open_namespaces(const std::string& process, NamespaceSet set) {
  Namespaces namespaces;
  for (size_t i = 0; i < namespaces.size(); i++) {
    const NamespaceKind& kind = kNamespaceKinds[i];
    if (set & kind.flag) namespaces[i] = open_below(AT_FDCWD, process + "/ns/" + kind.file);
  }
  return namespaces;
}

void hide_from_containers() {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw Refused("prctl").cannot("make this process non-dumpable");
}

void enter_namespaces(const Namespaces& namespaces, const std::string& owner) {
  // after the first of these calls our root still is the host's, and the container would be allowed to look at it
  hide_from_containers();
  for (size_t i = 0; i < namespaces.size(); i++) {
    if (!namespaces[i]) continue;
    if (setns(namespaces[i].get(), kNamespaceKinds[i].flag) != 0)
      throw Refused("setns").cannot("enter the container of " + owner);
  }
  drop_capabilities(owner);
}

NamespaceSet join_process(int pid) {
  require_own_proc("--join-pid");
  const Process process(pid);
  process.check_owner();
  if (inode_of(process.namespaces()[0]) == inode_of(open_namespaces("/proc/self", CLONE_NEWUSER)[0])) {
    throw Error("can't join " + process.name() + ": it is not in a container",
                "its user namespace is our own; give the PID of a process that runs inside one");
  }
  hide_from_containers();
  if (enter_at_once(process))
    drop_capabilities(process.name());
  else
    enter_namespaces(process.namespaces(), process.name());
  return set_of(process.namespaces());
}

Fd open_network(const std::string& process) {
  Fd file(open(("/proc/" + process + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot("find the network namespace of process " + process);
  return file;
}

InNetwork::InNetwork(const Fd& other) : own_(open_network("self")) {
  if (setns(other.get(), CLONE_NEWNET) != 0) throw Refused("setns").cannot("enter the container's network namespace");
}

InNetwork::~InNetwork() {
  // what comes later is for the own one
  if (setns(own_.get(), CLONE_NEWNET) != 0) _exit(static_cast<int>(Exit::failure));
}

void bring_up_loopback() {
  const Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!any || ioctl(any.get(), SIOCSIFFLAGS, &request) != 0)
    throw Refused("ioctl").cannot("bring up lo in the network namespace");
}

}  // namespace chrun
