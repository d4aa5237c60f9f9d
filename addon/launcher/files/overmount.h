// Mount points that a read-only image lacks and an overlay can't provide: their parent directory is covered.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/files/stage.h"

namespace chrun {

/// A guest path that a bind needs: a directory, or another file.
struct Destination {
  std::string path;
  bool file;
};

/// Creates the first of `all`, which is missing in the image at `root`, and others that are missing in the same
/// directory: covers that directory, the last one on the way that exists, with a small tmpfs in which all its entries
/// are bound again, with everything mounted there. Returns the root to continue with if that directory is the root
/// itself, else an empty Fd. Throws Error or SysError.
Fd make_by_overmount(Stage& stage, int root, const std::vector<Destination>& all);

}  // namespace chrun
