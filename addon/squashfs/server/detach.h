// The file-system server detaches from the user's session.
#pragma once
#include <vector>

#include "base/fd.h"

namespace chrun::squashfs {

/// Own session, no terminal, working directory /, null standard streams, no inherited descriptors but `kept` (which get
/// numbers above 2), every signal ignored that can be, name in ps. Throws SysError.
void detach(const std::vector<Fd*>& kept);

}  // namespace chrun::squashfs
