// Host paths, some of which must lead through exactly the directories that were checked: they decide what runs.
#pragma once
#include <fcntl.h>

#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace chrun {

struct HostPath {
  std::string path;     // absolute
  Fd directory{};       // where it is looked up; empty if no directory on the way was checked
  std::string below{};  // the rest of the path, in `directory`

  int start() const { return directory ? directory.get() : AT_FDCWD; }
  const char* name() const { return directory ? below.c_str() : path.c_str(); }
};

/// Opens the directories of `way`, from the top: a path and `device:inode` for each. Throws Error if one is a different
/// directory or a symbolic link, SysError if it can't be opened.
HostPath judged_path(std::string path, std::span<const std::string_view> way);

/// `device:inode`
std::string inode_words(const struct stat& status);

}  // namespace chrun
