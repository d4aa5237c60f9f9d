#include "launcher/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/error.h"

namespace chrun {
namespace {

/// The owner of /proc/PID is the process's effective user, or root if the process is protected from being looked at.
void check_owner(const std::string& process, const std::string& name) {
  struct stat status;
  if (stat(process.c_str(), &status) != 0) {
    if (errno == ENOENT) throw Error("can't join " + name + ": there is no such process", "it may have ended");
    throw SysError("join " + name, "stat");
  }
  if (status.st_uid == geteuid()) return;
  const bool protection = status.st_uid == 0;
  throw Error("can't join " + name + ": it belongs to user " + std::to_string(status.st_uid) + ", not to you",
              protection ? "or it is protected from being looked into (prctl PR_SET_DUMPABLE), or about to end" : "");
}

}  // namespace

Fd open_namespace(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw SysError("open the namespace " + path, "open");
  return file;
}

ino_t inode_of(const Fd& namespace_file) {
  struct stat status;
  if (fstat(namespace_file.get(), &status) != 0) throw SysError("look at a namespace", "fstat");
  return status.st_ino;
}

Namespaces open_namespaces(const std::string& process) {
  return {open_namespace(process + "/ns/user"), open_namespace(process + "/ns/mnt")};
}

void enter_namespaces(const Namespaces& namespaces, const std::string& owner) {
  // the user namespace first: only in it do we have the privilege to enter the other
  if (setns(namespaces.user.get(), CLONE_NEWUSER) != 0) throw SysError("enter the container of " + owner, "setns");
  if (setns(namespaces.mount.get(), CLONE_NEWNS) != 0) throw SysError("enter the container of " + owner, "setns");
}

void join_process(int pid) {
  const std::string process = "/proc/" + std::to_string(pid), name = "process " + std::to_string(pid);
  check_owner(process, name);
  Namespaces namespaces;
  try {
    namespaces = open_namespaces(process);
  } catch (const SysError& refusal) {
    if (refusal.code() != ENOENT && refusal.code() != ESRCH) throw;
    throw Error("can't join " + name + ": there is no such process", "it has ended");
  }
  if (inode_of(namespaces.user) == inode_of(open_namespace("/proc/self/ns/user"))) {
    throw Error("can't join " + name + ": it is in no container",
                "its user namespace is our own; give the PID of a process that runs inside one");
  }
  enter_namespaces(namespaces, name);
}

}  // namespace chrun
