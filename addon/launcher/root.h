// The image becomes the root directory.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// Mounts the directory image at host path `path`, read-only unless `writable`. Returns its root.
Fd mount_directory_image(const std::string& path, bool writable);

/// Makes `root` the root and the working directory of this process, and detaches the old root with
/// everything below it: nothing of the host stays reachable but what was bound.
void pivot_into(int root);

}  // namespace chrun
