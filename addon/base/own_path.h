// Where this program lies: the rest of the installation is found from there.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// The absolute path of this program's file, links resolved. Throws SysError.
std::string own_path();

/// What to do about a missing part of this build, in words: to build it with `libraries`, or to get another release,
/// for who has no checkout.
std::string how_to_get(const std::string& part, const std::string& libraries);

/// A program that is executed from exactly the file that was opened, whatever happens to its path.
struct Program {
  std::string path;  // for messages
  Fd file;           // O_PATH
};

/// Another program of the installation, beside the addon; `file` is empty, with errno, where it can't be opened. Throws
/// SysError.
Program open_sibling(const std::string& name);

}  // namespace chrun
