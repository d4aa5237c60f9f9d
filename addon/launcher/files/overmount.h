// A place for a bind that a read-only image lacks, where an overlay can't make it: its parent is covered.
#pragma once
#include <string>

#include "base/fd.h"
#include "launcher/files/stage.h"

namespace chrun {

/// Makes guest path `path`, a directory or an empty file when `want_file`, in the image at `root`: covers the last
/// directory on the way that exists by a small tmpfs in which everything that lies in it is bound again. Returns the
/// root to go on with where that directory is the root itself, else an empty Fd. Throws Error or SysError.
Fd make_by_overmount(Stage& stage, int root, const std::string& path, bool want_file);

}  // namespace chrun
