// Whether processes are stopped by their control group.
#pragma once

namespace chrun {

/// Whether a control group of the process, or one above it, is frozen; false where that can't be found out.
bool is_frozen(int pid);

}  // namespace chrun
