#include "launcher/own_path.h"

#include <unistd.h>

#include <climits>

#include "base/error.h"

namespace chrun {

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) throw SysError("find my own program file", "readlink");
  return {path, static_cast<size_t>(size)};
}

}  // namespace chrun
