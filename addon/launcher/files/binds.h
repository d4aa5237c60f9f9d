// Binds of host paths, and private file systems, at guest paths.
#pragma once
#include <string>

#include "launcher/files/stage.h"

namespace chrun {

struct Bind {
  std::string source;       // host path, for messages
  std::string destination;  // guest path
  bool optional = false;    // skip it if either side is missing
  bool create = false;      // make a missing destination
  unsigned long flags = 0;  // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC: with all below it, where the kernel can
};

/// Opens the destination of a bind, for a file or a directory; `root` is the image's root. It is made if that was asked
/// for, else empty where it is missing. Throws Error or SysError.
Fd open_destination(int root, const Bind& bind, bool file);

/// Attaches `tree`, a detached mount tree, at the destination. Throws Error or SysError that name both sides.
void bind_into_image(int root, const Bind& bind, int tree, Fd destination);

/// Mounts a fresh tmpfs at a guest path; `options` as in tmpfs(5). Returns its root, or an empty Fd if there is no such
/// path. Throws Error or SysError.
Fd tmpfs_into_image(Stage& stage, int root, const std::string& destination, const std::string& options);

}  // namespace chrun
