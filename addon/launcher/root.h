// The image becomes the root directory.
#pragma once
#include <string>

#include "launcher/mounts.h"

namespace chrun {

/// Mounts the directory image at host path `path`, read-only unless `writable`. Throws SysError.
PlacedMount mount_directory_image(const std::string& path, bool writable);

/// Makes `root` the root and the working directory of this process, and detaches the old root with everything
/// below it: nothing of the host stays reachable but what was bound. `covered` tells that a mount other than `root`
/// lies over the old root (mounts.h, kOverTheRoot): it goes first.
void pivot_into(int root, bool covered);

}  // namespace chrun
