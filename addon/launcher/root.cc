#include "launcher/root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "base/error.h"

namespace chrun {

PlacedMount mount_directory_image(const std::string& path, bool writable) {
  // reading and searching is what every command needs; found out here, it has a clear name
  if (faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) != 0) {
    throw SysError("use the image " + path, "access");
  }
  PlacedMount image = mount_copy(path);
  if (!writable) make_read_only(image.root.get(), path);
  return image;
}

void pivot_into(int root, bool covered) {
  if (fchdir(root) != 0) throw SysError("enter the image", "fchdir");
  // old and new root in one place: the old one lies on top of the new and is taken off; no directory
  // inside the image is needed for it (pivot_root(2), "pivot_root(".", ".")")
  if (syscall(SYS_pivot_root, ".", ".") != 0) throw SysError("make the image the root directory", "pivot_root");
  for (int mounts = covered ? 2 : 1; mounts > 0; mounts--) {
    if (umount2(".", MNT_DETACH) != 0) throw SysError("detach the host's root directory", "umount2");
  }
  if (chdir("/") != 0) throw SysError("enter the image", "chdir");
}

}  // namespace chrun
