// Mounts by descriptors: trees of mounts that have no place yet, their places, and the flags that must survive. No
// policy.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"

namespace chrun {

/// A copy of the tree of mounts at `path`, seen from directory `directory` (or at that itself where `path` is empty),
/// that has no place yet. What an automounter promises there is mounted. Empty where the kernel refuses, with errno.
Fd copy_tree(int directory, const char* path);

/// Whether errno `code` says that the kernel does not know a call: older ones (ENOSYS), and seccomp filters of
/// container engines for calls that they do not know (EPERM).
bool is_unknown_call(int code);

/// Moves the mount whose root is `mount` to the place that is open as `place`, in our namespaces. Throws SysError,
/// which says that `action` could not be done.
void place_mount(int mount, int place, const std::string& action);

/// Whether a mount with this root can't be at that place, because only one of them is a directory.
bool differ_in_type(int mount, int place);

/// Sets `flags` (MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC) on the mount whose root is `mount`, and on all below it,
/// whether it has a place or not. `name` is for the error. Returns false before Linux 5.12. Throws SysError.
bool restrict_tree(int mount, const std::string& name, unsigned long flags);

/// The same for the one mount only, which must have a place. What else is set on it (nosuid, nodev, noexec of the
/// host's mount are locked in a user namespace) stays. Throws SysError.
void restrict_mount(int mount, const std::string& name, unsigned long flags);

/// The guest path of a mount below the one whose root is `mount`, which has a place; empty if there is none.
std::string mount_below(int mount);

/// The mounts that were given a place in an image, to be compared with what is there when all of them are made: the
/// kernel removes what is mounted on a directory entry that it finds to be no longer valid, and since Linux 6.16 that
/// happens to entries of FUSE that several processes have looked up at once.
class PlacedMounts {
 public:
  void add(int mount, const std::string& path);
  /// Takes those at the same paths below another root, which have been copied there.
  void move_to(int root);
  /// Throws Error where one is not there.
  void check(int root) const;

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
