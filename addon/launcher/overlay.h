// Writable views of an image: an overlay whose upper layer lies in memory or in a directory of the user's.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/image_changes.h"
#include "launcher/stage.h"

namespace chrun {

/// An overlay over the image at `root` whose writes go to a tmpfs of `size` (as in tmpfs(5)) and vanish with it.
/// Returns its root. Throws SysError.
Fd overlay_in_memory(Stage& stage, int root, const std::string& size);

/// The beginning of such an overlay: a tmpfs of `size` with a directory that is to become the upper layer, in which
/// things can be made before the overlay is there. overlay_with_layer() goes on from here. Throws SysError.
struct Layer {
  Fd memory, upper;
};
Layer begin_layer(Stage& stage, const std::string& size);
Fd overlay_with_layer(Stage& stage, int root, const Layer& layer);

/// Host directory `path`, made if missing, for overlay_in_directory(). Throws SysError.
Fd open_upper_directory(const std::string& path);
/// The same with writes kept in host directory `directory`, which `path` calls it. One container at a time can use it.
/// Throws Error or SysError, with the reason where the file system can't be an upper layer.
Fd overlay_in_directory(Stage& stage, int root, int directory, const std::string& path);

/// A guest path that a bind needs: a directory, or a file that is none.
struct Destination {
  std::string path;
  bool file;
};

/// Makes sure that all of `all` are there in the read-only image at `root`. Where one is missing,
/// it is made in an overlay in memory, which is then as read-only as the image, or where that can't be, in a cover of
/// its parent (overmount.h). Returns the root to go on with,
/// or an empty Fd where nothing was missing. Throws Error or SysError.
Fd make_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same, in the layer of an overlay that is not there yet.
void place_destinations(const LayeredImage& image, const std::vector<Destination>& all);

}  // namespace chrun
