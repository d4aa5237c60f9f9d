#include "base/glob.h"

#include <glob.h>

#include <algorithm>
#include <new>

namespace chrun {

std::vector<std::string> matching_paths(const std::string& pattern) {
  glob_t found;
  const int result = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  if (result == GLOB_NOSPACE) throw std::bad_alloc();
  std::vector<std::string> paths;
  if (result == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  // not by the locale, which differs between Node and the launcher
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace chrun
