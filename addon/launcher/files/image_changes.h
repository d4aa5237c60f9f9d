// Changes to the image that devices need, made before any host path is bound into it: so nothing on the host changes.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace chrun {

/// The image at `root`, and the future upper directory of an overlay over it: changes are made there, which also works
/// if the image belongs to another user. Without one (-1) they are made in the image itself.
struct ChangedImage {
  int root;
  int upper;
};

struct Link {
  std::string target, name;
};

/// Creates symbolic links in guest directory `path`, which is created if missing, replacing existing files or links.
/// Throws Error or SysError.
void make_links(const ChangedImage& image, const std::string& path, const std::vector<Link>& links);

/// Creates guest path `path`, a directory or, if `want_file`, an empty file, unless it exists. Throws SysError.
void place_in_image(const ChangedImage& image, const std::string& path, bool want_file);

/// Changes the mode of guest path `path`, if it exists. Throws SysError.
void change_mode_in_image(int root, mode_t mode, const std::string& path);

}  // namespace chrun
