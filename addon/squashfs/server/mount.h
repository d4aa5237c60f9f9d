// The FUSE mount, in namespaces of its own (mounter.h).
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun::squashfs {

/// Becomes root of a new user namespace that has only this user and group, with a new mount namespace.
void enter_namespaces();

struct FuseMount {
  Fd device;  // where its requests come from
  Fd root;    // the mount, attached nowhere
};

/// Makes a read-only FUSE mount for `image`. Only in namespaces from enter_namespaces().
FuseMount make_mount(const std::string& image);

/// Leaves the host's mounts for an empty root directory: it must not keep file systems busy.
void leave_host_mounts();

/// A shared mount, from which launchers get copies. It has to be attached somewhere for that (before Linux 6.15 a
/// detached mount can't be copied), so it is at the only place that leave_host_mounts() has left.
class SharedMount {
 public:
  explicit SharedMount(Fd root);
  /// A detached copy; empty where there can't be another.
  Fd copy() const;
  int root() const { return root_.get(); }

 private:
  Fd root_;
};

}  // namespace chrun::squashfs
