// Mounts by descriptors: detached mount trees, their mount points, and the flags that must survive. No policy.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"

namespace chrun {

/// A detached copy of the mount tree at `path`, relative to `directory` (or at that itself if `path` is empty). An
/// automount there is triggered. Empty, with errno, if the kernel refuses.
Fd copy_tree(int directory, const char* path);

/// The same without what is mounted below it, unless the kernel forbids to uncover what that hides: in a user namespace
/// (EINVAL, mount_namespaces(7)).
Fd copy_mount(int directory, const char* path);

/// Whether errno `code` means that a call is unknown: to an older kernel (ENOSYS), or to the seccomp filter of a
/// container engine (EPERM).
bool is_unknown_call(int code);

/// Moves the mount whose root is `mount` to the mount point that is open as `place`, in our namespaces. Throws SysError
/// that names `action`.
void place_mount(int mount, int place, const std::string& action);

/// Whether this mount can't be attached at that mount point, because only one of them is a directory.
bool differ_in_type(int mount, int place);

/// Sets `flags` (MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC) on the mount whose root is `mount`, and on all below it,
/// whether it has a place or not. `name` is for the error. Returns false before Linux 5.12. Throws SysError.
bool restrict_tree(int mount, const std::string& name, unsigned long flags);

/// Sets and clears flags (MOUNT_ATTR_*) of this mount alone, or of all below it, too, whether it has a place or not.
/// What is locked in a user namespace stays as it is. Returns false before Linux 5.12. Throws SysError.
bool change_mount(int mount, const std::string& name, unsigned long set, unsigned long clear, bool below);

/// Sets the propagation (MS_PRIVATE or similar, with MS_REC) of a mount. Throws SysError.
void set_propagation(int mount, const std::string& name, unsigned long propagation);

/// The same for this mount only, which must be attached. Its other flags stay (nosuid, nodev, noexec of the host's
/// mount are locked in a user namespace). Throws SysError.
void restrict_mount(int mount, const std::string& name, unsigned long flags);

/// The guest path of a mount below the one whose root is `mount`, which has a place; empty if there is none.
std::string mount_below(int mount);

/// The mounts that were given a place in an image, to be compared with what is there when all of them are made: the
/// kernel removes what is mounted on a directory entry that it finds to be no longer valid, and since Linux 6.16 that
/// happens to entries of FUSE that several processes have looked up at once.
class PlacedMounts {
 public:
  void add(int mount, const std::string& path);
  /// Adds those at the same paths below another root, to which they were copied.
  void move_to(int root);
  /// Throws Error if one is missing. To be called when the image's root is the root directory.
  void check() const;

 private:
  struct Placed {
    std::string path;
    unsigned long long id;
  };
  std::vector<Placed> all_;
};

/// The same for that mount and, one by one, all below it: before Linux 5.12. Returns false where those below could not
/// all be restricted. Throws SysError.
bool restrict_one_by_one(int mount, const std::string& name, unsigned long flags);

}  // namespace chrun
