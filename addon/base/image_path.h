// Paths inside the image: symbolic links are followed inside it, so that no destination can be outside.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/fd.h"

namespace chrun {

/// Opens guest path `path` below the image's root, for use as a place only (O_PATH). Absolute links and `..`
/// stay inside. Returns an empty Fd when it does not exist; throws SysError on any other failure.
Fd open_in_image(int root, const std::string& path);

/// Opens the symbolic link at guest path `path` itself: something can be mounted over it. Returns an empty Fd if there
/// is none.
Fd open_link_in_image(int root, const std::string& path);

/// Like open_in_image, but first creates what is missing of `path`: directories, and at its end a directory or, if
/// `want_file`, an empty file.
Fd create_in_image(int root, const std::string& path, bool want_file);

/// The last existing directory on the way to a guest path, and what is missing below it: an empty `rest` if nothing is.
struct Gap {
  Fd parent;
  std::string parent_path = "/", rest = "";
};
Gap find_gap(int root, const std::string& path);

/// Writes `text` to a new file at guest path `path`, if its directory exists and the file does not. Throws SysError.
void write_in_image(int root, const std::string& path, const std::string& text);

/// The file type bits (S_IFMT) of an open descriptor. Throws SysError.
mode_t file_type(int fd, const std::string& name);

/// The name by which the kernel finds an open descriptor: for calls that take paths only.
std::string descriptor_path(int fd);

/// The path of an open descriptor; empty if the kernel does not report it.
std::string path_of(int fd);

}  // namespace chrun
