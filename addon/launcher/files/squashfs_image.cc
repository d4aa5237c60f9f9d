#include "launcher/files/squashfs_image.h"

#include <unistd.h>

#include "base/error.h"
#include "base/own_path.h"

namespace chrun {

squashfs::ServedImage serve_squashfs_image(const std::string& path, bool share, std::vector<std::string> look_ups) {
  const std::string server = sibling_program("ch-run-ts-squashfs");
  if (access(server.c_str(), X_OK) != 0) {
    throw Error("this ch-run-ts was built without SquashFS: there is no " + server,
                "install the libraries (Debian: libdeflate-dev liblzma-dev liblzo2-dev liblz4-dev libzstd-dev) and "
                "build it again, or unpack the image with unsquashfs and run the directory",
                Exit::server);
  }
  return squashfs::serve_squashfs({path, server, std::move(look_ups), share});
}

std::vector<std::string> paths_to_look_up(const Launch& launch) {
  std::vector<std::string> paths;
  for (const Step& step : launch.plan.create) {
    if (step.kind == "bind") paths.push_back(field(step, 1));
    if (step.kind == "bind-variable") paths.push_back(field(step, 2));
    if (step.kind == "tmpfs") paths.push_back(field(step, 0));
    if (step.kind == "identity") paths.insert(paths.end(), {"/etc/passwd", "/etc/group"});
  }
  const std::string command = launch.command[0];
  if (command.find('/') != std::string::npos) {
    paths.push_back(command);
    return paths;
  }
  const std::string search = std::string(launch.environment.get("PATH").value_or("")) + ":/bin:";
  for (size_t start = 0, end; (end = search.find(':', start)) != std::string::npos; start = end + 1)
    if (end > start) paths.push_back(search.substr(start, end - start) + "/" + command);
  return paths;
}

}  // namespace chrun
