#include "squashfs/server/pressure.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/proc.h"
#include "base/processors.h"

namespace chrun::squashfs {
namespace {

constexpr double kHigh = 5;  // percent

/// The directory of this process's control group (version 2); empty if there is none.
std::string group_directory() {
  const std::string path = group_in(text_of("/proc/self/cgroup"), "");
  return path.empty() ? path : "/sys/fs/cgroup" + path;
}

Fd open_to_read(const std::string& path) { return Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

bool is_high_in(const Fd& file) {
  char text[256] = {};
  if (!file || pread(file.get(), text, sizeof text - 1, 0) <= 0) return false;
  // some avg10=0.00 avg60=…
  const char* average = strstr(text, "avg10=");
  return average && strtod(average + strlen("avg10="), nullptr) > kHigh;
}

}  // namespace

Pressure::Pressure()
    : machine_(open_to_read("/proc/pressure/memory")), group_(open_to_read(group_directory() + "/memory.pressure")) {}

bool Pressure::is_high() const { return is_high_in(machine_) || is_high_in(group_); }

unsigned idle_cores() {
  const unsigned cores = allowed_processors();
  const double limit = processor_time_limit();
  return limit < cores ? static_cast<unsigned>(std::max(limit - 1, 0.0)) : cores;
}

}  // namespace chrun::squashfs
