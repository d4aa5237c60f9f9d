// A place for a bind that a read-only image lacks, where an overlay can't make it: its parent is covered.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/files/stage.h"

namespace chrun {

/// A guest path that a bind needs: a directory, or a file that is none.
struct Destination {
  std::string path;
  bool file;
};

/// Makes the first of `all`, which is missing in the image at `root`, and others that are missing in the same
/// directory: covers that, the last one on the way that exists, by a small tmpfs in which everything that lies in it is
/// bound again, with all that is mounted there. Returns the root to go on with where that directory is the root itself,
/// else an empty Fd. Throws Error or SysError.
Fd make_by_overmount(Stage& stage, int root, const std::vector<Destination>& all);

}  // namespace chrun
