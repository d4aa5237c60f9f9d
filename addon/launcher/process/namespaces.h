// The namespaces of a container, and entering one that exists.
#pragma once
#include <sched.h>
#include <sys/types.h>

#include <array>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace chrun {

/// A kind of namespace that a container can have of its own.
struct NamespaceKind {
  std::string_view name;  // in plans
  const char* file;       // below /proc/PID/ns
  int flag;               // of unshare(2) and setns(2)
  bool always;            // every container has it
};

/// In the order in which they are entered: only in the user namespace do we have the privilege to enter the others.
constexpr std::array kNamespaceKinds{
    NamespaceKind{"user", "user", CLONE_NEWUSER, true},
    NamespaceKind{"mount", "mnt", CLONE_NEWNS, true},
    NamespaceKind{"uts", "uts", CLONE_NEWUTS, false},
};

/// Some of these kinds: their flags.
using NamespaceSet = int;

/// What every container has.
constexpr NamespaceSet kEveryContainer = [] {
  NamespaceSet set = 0;
  for (const NamespaceKind& kind : kNamespaceKinds) set |= kind.always ? kind.flag : 0;
  return set;
}();

/// A container's own ones, a file for each kind, in the order of the table; none where it has the host's.
using Namespaces = std::array<Fd, kNamespaceKinds.size()>;

/// The kinds that are there.
NamespaceSet set_of(const Namespaces& namespaces);

/// From here on until execve(2), nobody in a container can look into this process: not at its root, its program or its
/// memory, whatever privilege that container gives. Its id maps must have been written: the kernel then refuses them.
void hide_from_containers();

/// Its number: which namespace it is.
ino_t inode_of(const Fd& namespace_file);

/// Opens those in `set` of the process whose directory in /proc is `process` ("/proc/123"); throws SysError.
Namespaces open_namespaces(const std::string& process, NamespaceSet set);

/// Makes this process a member of all, hidden and without privilege in them; its root and working directory become
/// those of the container. `owner` says whose they are, for the message. Throws SysError.
void enter_namespaces(const Namespaces& namespaces, const std::string& owner);

/// The network namespace of `process`, a PID or `self`: /proc may be that of another PID namespace, where the PID of
/// this process is another's. Throws SysError.
Fd open_network(const std::string& process);

/// While it exists, this process is in that network namespace. Throws SysError.
class InNetwork {
 public:
  explicit InNetwork(const Fd& other);
  ~InNetwork();
  InNetwork(const InNetwork&) = delete;
  InNetwork& operator=(const InNetwork&) = delete;

 private:
  Fd own_;
};

/// Brings up `lo` in the network namespace of this process. Throws SysError.
void bring_up_loopback();

/// --join-pid: enters the container of process `pid`; returns which namespaces it has of its own. Throws Error if there
/// is no such process, it belongs to somebody else, or is in no container.
NamespaceSet join_process(int pid);

}  // namespace chrun
