// Writable views of an image: an overlay whose upper directory lies in memory or in a directory of the user's.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/files/image_changes.h"
#include "launcher/files/overmount.h"
#include "launcher/files/stage.h"

namespace chrun {

/// The beginning of an overlay: a directory that is to become the upper directory, in which things can be made before
/// the overlay is there, whoever owns the image. Where that lies is named for messages.
struct UpperDirectory {
  Fd home, directory;
  std::string name;
};

/// In a tmpfs of `size` (as in tmpfs(5)), which vanishes with the container. Throws SysError.
UpperDirectory begin_upper_in_memory(Stage& stage, int root, const std::string& size);

/// In host directory `path`, which open_upper_directory() has opened: writes are kept there. Throws SysError.
UpperDirectory begin_upper_in_directory(Fd directory, int root, const std::string& path);
/// Makes it if it is missing. Throws SysError.
Fd open_upper_directory(const std::string& path);

/// The overlay: that directory over the image at `root`. One container at a time can use a directory. Returns its root.
/// Throws Error, with the reason where the file system can't be an upper directory.
Fd put_overlay(Stage& stage, int root, const UpperDirectory& upper);

/// Makes sure that all of `all` are there in the read-only image at `root`. What is missing is made in an overlay in
/// memory, which is then as read-only as the image, or where the kernel has none, in a cover of its parent
/// (overmount.h). Returns the root to go on with, or an empty Fd where nothing was missing. Throws Error or SysError.
Fd make_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same for an image that can be written to: in the image itself, or in a cover where that is not allowed.
Fd create_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same for a read-only image in which something has been mounted already, and is to stay: in covers.
Fd cover_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same, in the upper directory of an overlay that is not there yet.
void place_destinations(const ChangedImage& image, const std::vector<Destination>& all);

}  // namespace chrun
