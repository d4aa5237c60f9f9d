// Changes to the image that devices need, before anything of the host is bound into it: so nothing of the host changes.
#pragma once
#include <sys/types.h>

#include <string>

namespace chrun {

/// The image at `root`, and the directory that will be the upper layer of an overlay over it: changes are made there,
/// which also works where the image belongs to somebody else. Without a layer (-1) they are made in the image itself.
struct LayeredImage {
  int root;
  int layer;
};

/// Makes guest path `path` a link to `target`, in place of a file or link that is there, and the directories on the
/// way. Throws Error or SysError.
void link_in_image(const LayeredImage& image, const std::string& target, const std::string& path);

/// Makes guest path `path`, a directory or an empty file when `want_file`, unless it is there. Throws SysError.
void place_in_image(const LayeredImage& image, const std::string& path, bool want_file);

/// Changes the mode of what lies at guest path `path`, if that is there. Throws SysError.
void change_mode_in_image(int root, mode_t mode, const std::string& path);

}  // namespace chrun
