// Where this program lies: the rest of the installation is found from there.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// The absolute path of this program's file, links resolved. Throws SysError.
std::string own_path();

/// Which folder everything lies below: PREFIX, for PREFIX/bin/ch-run-ts. The other programs are in `programs` below it:
/// libexec/ch-run-ts as installed, build/Release in a checkout and in the npm package.
struct Installation {
  std::string prefix;
  const char* programs;
};

/// The installation of this program, whichever of them it is. Throws SysError.
Installation own_installation();

/// What to do about a missing part of this build, in words: to build it with `libraries`, or to get another release,
/// for users without a checkout.
std::string how_to_get(const std::string& part, const std::string& libraries);

/// A program that is executed from exactly the file that was opened, whatever happens to its path.
struct Program {
  std::string path;  // for messages
  Fd file;           // O_PATH
};

/// Another program of the installation; `file` is empty, with errno, where it can't be opened. Throws
/// SysError.
Program open_sibling(const std::string& name);

}  // namespace chrun
