// Entering a container that exists.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/fd.h"

namespace chrun {

/// The two namespaces that make a container.
struct Namespaces {
  Fd user;
  Fd mount;
};

/// From here on until execve(2), nobody in a container can look into this process: not at its root, its program or its
/// memory, whatever privilege that container gives. Its id maps must have been written: the kernel then refuses them.
void hide_from_containers();

/// Opens one by its file in /proc; throws SysError.
Fd open_namespace(const std::string& path);
/// The same, below a directory.
Fd open_namespace_at(int directory, const std::string& path);
/// Its number: which namespace it is.
ino_t inode_of(const Fd& namespace_file);

/// Opens those of the process whose directory in /proc is `process` ("/proc/123"); throws SysError.
Namespaces open_namespaces(const std::string& process);

/// Makes this process a member of both, hidden and without privilege in them; its root and working directory become
/// those of the container. `owner` says whose they are, for the message. Throws SysError.
void enter_namespaces(const Namespaces& namespaces, const std::string& owner);

/// --join-pid: enters the container of process `pid`. Throws Error if there is no such process, it belongs to
/// somebody else, or is in no container.
void join_process(int pid);

}  // namespace chrun
