#include "containers/processes.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "base/proc.h"

namespace chrun {
namespace {

/// 0 where it can't be found out.
ino_t pid_namespace_of(const std::string& process) {
  struct stat status;
  return stat(("/proc/" + process + "/ns/pid").c_str(), &status) == 0 ? status.st_ino : 0;
}

std::vector<ProcessStatus> all_processes() {
  std::vector<ProcessStatus> all;
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return all;
  while (const dirent* entry = readdir(directory)) {
    const int pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    if (ProcessStatus status = read_process(pid); status.pid != 0) all.push_back(std::move(status));
  }
  closedir(directory);
  std::ranges::sort(all, {}, &ProcessStatus::pid);
  return all;
}

}  // namespace

bool begins_namespace(int pid) {
  const std::string status = text_of("/proc/" + std::to_string(pid) + "/status");
  const size_t line = status.find("\nNSpid:"), end = status.find('\n', line + 1);
  return line != std::string::npos && status.substr(line, end - line).ends_with("\t1");
}

std::vector<ProcessStatus> list_processes(const ProcessId& first) {
  const ino_t wanted = pid_namespace_of(std::to_string(first.pid));
  const bool shared = wanted == 0 || wanted == pid_namespace_of("self");
  const std::vector<ProcessStatus> all = all_processes();
  std::set<int> chosen{first.pid};
  // a child may have a smaller number than its parent
  for (size_t before = 0; shared && before != chosen.size();) {
    before = chosen.size();
    for (const ProcessStatus& each : all) {
      if (chosen.contains(each.parent)) chosen.insert(each.pid);
    }
  }
  std::vector<ProcessStatus> found;
  for (const ProcessStatus& each : all) {
    if (shared ? chosen.contains(each.pid) : pid_namespace_of(std::to_string(each.pid)) == wanted)
      found.push_back(each);
  }
  return found;
}

}  // namespace chrun
