#include "base/own_path.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>

#include "base/error.h"

namespace chrun {
namespace {

constexpr const char* kPrograms[] = {"libexec/ch-run-ts", "build/Release"};

}  // namespace

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

Installation own_installation() {
  const std::string program = own_path(), folder = program.substr(0, program.rfind('/'));
  std::string prefix = folder.substr(0, folder.rfind('/'));
  for (const char* programs : kPrograms) {
    const std::string end = std::string("/") + programs;
    if (folder.ends_with(end)) prefix = folder.substr(0, folder.size() - end.size());
  }
  const bool is_installed = access((prefix + "/" + kPrograms[0]).c_str(), F_OK) == 0;
  return {prefix, kPrograms[is_installed ? 0 : 1]};
}

std::string how_to_get(const std::string& part, const std::string& libraries) {
  const std::string source = own_installation().prefix + "/binding.gyp";
  if (access(source.c_str(), F_OK) == 0) return "install the libraries (Debian: " + libraries + ") and build it again";
  return "install a release with " + part + " (--version prints what this one has)";
}

Program open_sibling(const std::string& name) {
  const Installation installation = own_installation();
  Program found{installation.prefix + "/" + installation.programs + "/" + name, {}};
  found.file = Fd(open(found.path.c_str(), O_PATH | O_CLOEXEC));
  return found;
}

}  // namespace chrun
