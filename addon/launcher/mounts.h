// Mounting: binds, private file systems, and the flags that must survive. Paths in, mounts out; no policy.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.h"

namespace chrun {

struct Bind {
  std::string source;       // host path
  std::string destination;  // guest path
  bool optional = false;    // skip it where either side is missing
  bool create = false;      // make a missing destination
  unsigned long flags = 0;  // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC: with all below it, where the kernel can
};

/// Binds host path to guest path, with everything mounted below it. `root` is the image's root.
/// Throws Error or SysError that name both sides.
void bind_into_image(int root, const Bind& bind);

/// Mounts a fresh tmpfs at a guest path; `options` as in tmpfs(5).
void tmpfs_into_image(int root, const std::string& destination, const std::string& options);

/// A mount over `/` is reachable by its descriptor only: paths begin at the root directory that this process has,
/// below it. So it hides nothing, and no bind of a host directory can contain it.
constexpr const char* kOverTheRoot = "/";

/// The root of a mount, and whether it lies over the root directory or at its own path.
struct PlacedMount {
  Fd root;
  bool over_the_root = false;
};

/// A copy of the tree of mounts at host path `path`: a mount of our own, over the root where the kernel can
/// (Linux 5.2). Throws SysError.
PlacedMount mount_copy(const std::string& path);

/// Attaches `mount`, which has no place yet, at host path `place`. Throws SysError.
void attach_mount(int mount, const std::string& place);

/// The root of what is mounted at host path `place`. Throws SysError.
Fd open_mount(const std::string& place);

/// Sets `flags` (as of Bind) on the mount at `root`, and on all below it. What else is set on it (nosuid, nodev, noexec
/// of the host's mount are locked in a user namespace) stays. Throws SysError.
/// Returns false where mounts below stay as they are: before Linux 5.12.
bool restrict_mounts(int root, const std::string& name, unsigned long flags);

/// The same for the one mount only.
void restrict_mount(int root, const std::string& name, unsigned long flags);

/// Makes the mount at `root`, and all below it, read-only: see restrict_mounts().
bool make_read_only(int root, const std::string& name);

}  // namespace chrun
