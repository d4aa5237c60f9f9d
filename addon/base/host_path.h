// Host paths, of which some must lead through the very directories that were judged: whose those are decides what runs.
#pragma once
#include <fcntl.h>

#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace chrun {

struct HostPath {
  std::string path;     // absolute
  Fd directory{};       // what it is looked up in; empty where nothing on the way was judged
  std::string below{};  // its end, in `directory`

  int start() const { return directory ? directory.get() : AT_FDCWD; }
  const char* name() const { return directory ? below.c_str() : path.c_str(); }
};

/// Opens the directories of `way`, from above: a path and `device:inode` for each. Throws Error where one is another
/// directory, or a link; SysError where it can't be opened.
HostPath judged_path(std::string path, std::span<const std::string_view> way);

/// `device:inode`
std::string inode_words(const struct stat& status);

}  // namespace chrun
