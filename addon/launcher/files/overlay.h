// Writable views of an image: an overlay whose upper layer lies in memory or in a directory of the user's.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/files/image_changes.h"
#include "launcher/files/overmount.h"
#include "launcher/files/stage.h"

namespace chrun {

/// The beginning of an overlay: a directory that is to become the upper layer, in which things can be made before the
/// overlay is there, whoever owns the image. Where that lies is named for messages.
struct Layer {
  Fd home, upper;
  std::string name;
};

/// In a tmpfs of `size` (as in tmpfs(5)), which vanishes with the container. Throws SysError.
Layer begin_layer_in_memory(Stage& stage, int root, const std::string& size);

/// In host directory `path`, which open_upper_directory() has opened: writes are kept there. Throws SysError.
Layer begin_layer_in_directory(Fd directory, int root, const std::string& path);
/// Makes it if it is missing. Throws SysError.
Fd open_upper_directory(const std::string& path);

/// An overlay of the image at `root` and the layer. One container at a time can use a directory. Returns its root.
/// Throws Error, with the reason where the file system can't be an upper layer.
Fd overlay_layer(Stage& stage, int root, const Layer& layer);

/// Makes sure that all of `all` are there in the read-only image at `root`. What is missing is made in an overlay in
/// memory, which is then as read-only as the image, or where the kernel has none, in a cover of its parent
/// (overmount.h). Returns the root to go on with, or an empty Fd where nothing was missing. Throws Error or SysError.
Fd make_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same for an image that can be written to: in the image itself, or in a cover where that is not allowed.
Fd create_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same for a read-only image in which something has been mounted already, and is to stay: in covers.
Fd cover_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same, in the layer of an overlay that is not there yet.
void place_destinations(const LayeredImage& image, const std::vector<Destination>& all);

}  // namespace chrun
