// SquashFS images, as the steps of a launch and the trials of --doctor see them.
#pragma once
#include "squashfs/client/client.h"

namespace chrun {

/// The image file, served by a file-system server, shared or private: to be called before unshare(2). Throws Error with
/// Exit::server, also if this was built without SquashFS. The program of the server is found here.
squashfs::ServedImage serve_squashfs_image(squashfs::SquashfsRequest request);

}  // namespace chrun
