// The image becomes the root directory.
#pragma once

namespace chrun {

/// Makes `root`, the root of a mount, the root and the working directory of this process, and detaches the old root
/// with everything below it: nothing of the host stays reachable but what was bound. Throws SysError.
void pivot_into(int root);

}  // namespace chrun
