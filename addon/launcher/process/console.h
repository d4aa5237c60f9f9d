// Terminals of containers.
#pragma once
#include <sys/types.h>

#include "base/fd.h"

namespace chrun {

/// Makes a terminal of the container's own devpts, owned by `owner`; it becomes the controlling terminal of a new
/// session, the standard streams, and, if `console`, /dev/console. A size of 0 is left as it is. Returns its other end.
/// Throws SysError.
Fd become_terminal(uid_t owner, unsigned width, unsigned height, bool console);

}  // namespace chrun
