#include "containers/freezer.h"

#include <string>

#include "base/proc.h"

namespace chrun {
namespace {

bool says(const std::string& file, const std::string& words) { return text_of(file).find(words) != std::string::npos; }

}  // namespace

bool is_frozen(int pid) {
  const std::string table = text_of("/proc/" + std::to_string(pid) + "/cgroup");
  // a group below a frozen one says so itself, in both versions
  const std::string first = group_in(table, "freezer"), second = group_in(table, "");
  if (first.size() > 1 && says("/sys/fs/cgroup/freezer" + first + "/freezer.state", "FR")) return true;
  if (second.size() <= 1) return false;
  return says("/sys/fs/cgroup" + second + "/cgroup.events", "frozen 1") ||
         says("/sys/fs/cgroup/unified" + second + "/cgroup.events", "frozen 1");
}

}  // namespace chrun
