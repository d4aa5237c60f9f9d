// The image becomes the root directory.
#pragma once

namespace chrun {

/// Makes `root`, the root of a mount, the root and the working directory of this process, and detaches the old root
/// with everything below it: only what was bound stays reachable. Throws SysError.
void pivot_into(int root);

}  // namespace chrun
