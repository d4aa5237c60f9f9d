// SquashFS images, as the steps of a launch and the trials of --doctor see them.
#pragma once
#include <string>
#include <vector>

#include "squashfs/client/client.h"

namespace chrun {

/// The image file, served by a file-system server, shared or private: to be called before unshare(2). Throws Error with
/// Exit::server, also if this was built without SquashFS.
/// `look_ups`, `reads`: see squashfs/client.h.
squashfs::ServedImage serve_squashfs_image(HostPath image, uint64_t offset, bool share,
                                           std::vector<std::string> look_ups = {},
                                           std::function<squashfs::ReadsPlace()> reads = {});

}  // namespace chrun
