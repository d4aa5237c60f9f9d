#include "launcher/files/root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

namespace chrun {

void pivot_into(int root) {
  if (fchdir(root) != 0) throw Refused("fchdir").cannot("enter the image");
  // old and new root at the same place: the old one is on top of the new one and is unmounted; no directory inside the
  // image is needed for it (pivot_root(2), "pivot_root(".", ".")")
  if (syscall(SYS_pivot_root, ".", ".") != 0) throw Refused("pivot_root").cannot("make the image the root directory");
  if (umount2(".", MNT_DETACH) != 0) throw Refused("umount2").cannot("detach the host's root directory");
  if (chdir("/") != 0) throw Refused("chdir").cannot("enter the image");
}

}  // namespace chrun
