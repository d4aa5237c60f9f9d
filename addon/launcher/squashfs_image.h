// SquashFS images, as the steps of a launch and the trials of --doctor see them.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// A detached mount of the image file at `path`, from a file-system server, shared or of its own: before unshare(2).
/// Throws Error with Exit::server, also where this was built without SquashFS.
Fd mount_squashfs_image(const std::string& path, bool share);

}  // namespace chrun
