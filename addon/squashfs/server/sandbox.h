// What the server may still do once it reads what the image says.
#pragma once

namespace chrun::squashfs {

enum class Role {
  worker,      // parses the image and answers FUSE: no capability, a dozen system calls
  doorkeeper,  // lets launchers in: no capability either
  mounter,     // copies the mount: CAP_SYS_ADMIN in its own namespaces; writes records of reads
};

/// Restricts the calling thread for good: capabilities, new privileges, system calls (any other kills the process).
/// Throws SysError. Kernels without seccomp get the rest.
void enter_sandbox(Role role);

}  // namespace chrun::squashfs
