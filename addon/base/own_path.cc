#include "base/own_path.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>

#include "base/error.h"

namespace chrun {

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) {
    const Refused refused("readlink");
    if (access("/proc/self", F_OK) != 0) throw Error("there is no /proc: containers need it mounted");
    throw refused.cannot("find the launcher's program file");
  }
  return {path, static_cast<size_t>(size)};
}

std::string how_to_get(const std::string& part, const std::string& libraries) {
  const std::string program = own_path();
  const std::string source = program.substr(0, program.rfind('/')) + "/../binding.gyp";
  if (access(source.c_str(), F_OK) == 0) return "install the libraries (Debian: " + libraries + ") and build it again";
  return "install a release with " + part + " (--version prints what this one has)";
}

Program open_sibling(const std::string& name) {
  const std::string program = own_path();
  Program found{program.substr(0, program.rfind('/')) + "/../build/Release/" + name, {}};
  found.file = Fd(open(found.path.c_str(), O_PATH | O_CLOEXEC));
  return found;
}

}  // namespace chrun
