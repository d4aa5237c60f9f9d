// Writable views of an image: an overlay with its upper directory in memory or in a directory of the user.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/files/image_changes.h"
#include "launcher/files/overmount.h"
#include "launcher/files/stage.h"

namespace chrun {

/// The first part of an overlay: its future upper directory, in which files can be created before the overlay is
/// mounted, whoever owns the image. Its location is for messages.
struct UpperDirectory {
  Fd home, directory;
  std::string name;
};

/// In a tmpfs of `size` (as in tmpfs(5)), which is discarded with the container. Throws SysError.
UpperDirectory begin_upper_in_memory(Stage& stage, int root, const std::string& size);

/// In host directory `path`, opened by open_upper_directory(): writes are kept there. Throws SysError.
UpperDirectory begin_upper_in_directory(Fd directory, int root, const std::string& path);
/// Creates it if it is missing. Throws SysError.
Fd open_upper_directory(const std::string& path);

/// The overlay: that directory over the image at `root`. One container at a time can use a directory. Returns its root.
/// Throws Error, with the reason where the file system can't be an upper directory.
Fd put_overlay(Stage& stage, int root, const UpperDirectory& upper);

/// Makes sure that all of `all` exist in the read-only image at `root`. Missing ones are created in an overlay in
/// memory, which is then as read-only as the image, or if the kernel has none, in a cover of the parent directory
/// (overmount.h). Returns the root to continue with, or an empty Fd if nothing was missing. Throws Error or SysError.
Fd make_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same for a writable image: in the image itself, or in a cover if that is not permitted.
Fd create_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same for a read-only image in which something is already mounted, and has to stay: in covers.
Fd cover_destinations(Stage& stage, int root, const std::vector<Destination>& all);

/// The same, in the upper directory of an overlay that is not mounted yet.
void place_destinations(const ChangedImage& image, const std::vector<Destination>& all);

}  // namespace chrun
