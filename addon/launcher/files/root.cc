#include "launcher/files/root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

namespace chrun {

void pivot_into(int root) {
  if (fchdir(root) != 0) throw SysError("enter the image", "fchdir");
  // old and new root in one place: the old one lies on top of the new and is taken off; no directory
  // inside the image is needed for it (pivot_root(2), "pivot_root(".", ".")")
  if (syscall(SYS_pivot_root, ".", ".") != 0) throw SysError("make the image the root directory", "pivot_root");
  if (umount2(".", MNT_DETACH) != 0) throw SysError("detach the host's root directory", "umount2");
  if (chdir("/") != 0) throw SysError("enter the image", "chdir");
}

}  // namespace chrun
