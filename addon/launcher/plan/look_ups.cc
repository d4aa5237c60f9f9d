#include "launcher/plan/look_ups.h"

namespace chrun {

std::vector<std::string> paths_to_look_up(const Creation& creation) {
  std::vector<std::string> paths;
  for (const Step& step : creation.steps) {
    if (step.kind == "bind") paths.push_back(field(step, 1));
    if (step.kind == "bind-variable") paths.push_back(field(step, 2));
    if (step.kind == "tmpfs") paths.push_back(field(step, 0));
    if (step.kind == "identity") paths.insert(paths.end(), {"/etc/passwd", "/etc/group"});
  }
  const std::string command = creation.command.empty() ? "" : creation.command.front();
  if (command.find('/') != std::string::npos) {
    paths.push_back(command);
    return paths;
  }
  const std::string search = std::string(creation.environment.get("PATH").value_or("")) + ":/bin:";
  for (size_t start = 0, end; (end = search.find(':', start)) != std::string::npos; start = end + 1)
    if (end > start) paths.push_back(search.substr(start, end - start) + "/" + command);
  return paths;
}

}  // namespace chrun
