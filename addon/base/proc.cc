#include "base/proc.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/files.h"

namespace chrun {

std::string text_of(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  try {
    return read_all(file.get(), path, 16 << 20);
  } catch (const Error&) {
    return {};
  }
}

std::vector<std::string> mount_points() {
  constexpr int kPlace = 4;  // fields before it: numbers of mount, parent and device, root
  const std::string table = text_of("/proc/self/mountinfo");
  std::vector<std::string> places;
  for (size_t line = 0, end; (end = table.find('\n', line)) != std::string::npos; line = end + 1) {
    size_t start = line;
    for (int field = 0; field < kPlace; field++) start = table.find(' ', start) + 1;
    places.push_back(table.substr(start, table.find(' ', start) - start));
  }
  return places;
}

}  // namespace chrun
