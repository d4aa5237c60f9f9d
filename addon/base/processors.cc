#include "base/processors.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <string>

#include "base/proc.h"

namespace chrun {
namespace {

/// Of one group; version 2 has `max` where there is no limit, version 1 has -1.
double limit_of(const std::string& directory, bool unified) {
  double quota = -1, period = 0;
  if (unified) {
    const std::string both = text_of(directory + "/cpu.max");
    if (sscanf(both.c_str(), "%lf %lf", &quota, &period) != 2) return INFINITY;
  } else {
    if (sscanf(text_of(directory + "/cpu.cfs_quota_us").c_str(), "%lf", &quota) != 1) return INFINITY;
    if (sscanf(text_of(directory + "/cpu.cfs_period_us").c_str(), "%lf", &period) != 1) return INFINITY;
  }
  return quota >= 0 && period > 0 ? quota / period : INFINITY;
}

/// Of a group and those above it.
double least_limit(const std::string& mount, std::string path, bool unified) {
  double least = INFINITY;
  for (;; path.resize(path.rfind('/'))) {
    least = std::min(least, limit_of(mount + path, unified));
    if (path.rfind('/') == std::string::npos) return least;
  }
}

}  // namespace

unsigned allowed_processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

double processor_time_limit() {
  double least = INFINITY;
  std::istringstream lines(text_of("/proc/self/cgroup"));
  // NUMBER:CONTROLLER,…:PATH
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    const bool unified = controllers.empty();
    if (!unified && ("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
    const std::string top = "/sys/fs/cgroup" + (unified ? std::string() : "/" + controllers);
    least = std::min(least, least_limit(top, path == "/" ? "" : path, unified));
  }
  return least;
}

}  // namespace chrun
