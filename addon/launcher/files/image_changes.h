// Changes to the image that devices need, before anything of the host is bound into it: so nothing of the host changes.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace chrun {

/// The image at `root`, and the directory that will be the upper directory of an overlay over it: changes are made
/// there, which also works where the image belongs to somebody else. Without one (-1) they are made in the image
/// itself.
struct ChangedImage {
  int root;
  int upper;
};

struct Link {
  std::string target, name;
};

/// Makes links in guest directory `path`, which is made if missing, in place of files or links that are there. Throws
/// Error or SysError.
void make_links(const ChangedImage& image, const std::string& path, const std::vector<Link>& links);

/// Makes guest path `path`, a directory or an empty file when `want_file`, unless it is there. Throws SysError.
void place_in_image(const ChangedImage& image, const std::string& path, bool want_file);

/// Changes the mode of what lies at guest path `path`, if that is there. Throws SysError.
void change_mode_in_image(int root, mode_t mode, const std::string& path);

}  // namespace chrun
