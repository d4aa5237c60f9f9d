#include "image/running.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/proc.h"

namespace chrun {
namespace {

/// A mount, as in proc_pid_mountinfo(5).
struct Mount {
  std::string device, root, place, source;
};

/// Blanks and backslashes stand there as three octal digits.
std::string plain(const std::string& text) {
  std::string found;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 3 >= text.size()) {
      found += text[at];
      continue;
    }
    found += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
    at += 3;
  }
  return found;
}

std::vector<Mount> mounts_of(const std::string& process) {
  std::vector<Mount> found;
  std::istringstream text(text_of("/proc/" + process + "/mountinfo"));
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string id, parent, word;
    Mount mount;
    words >> id >> parent >> mount.device >> mount.root >> mount.place;
    while (words >> word && word != "-") {
    }
    words >> word >> mount.source;
    mount.root = plain(mount.root);
    mount.place = plain(mount.place);
    mount.source = plain(mount.source);
    found.push_back(std::move(mount));
  }
  return found;
}

bool is_number(const std::string& text) { return text.find_first_not_of("0123456789") == text.npos; }

/// Paths here of what is the root directory there. A SquashFS image is the source of its mount.
Words paths_of(const Mount& there, const std::vector<Mount>& here) {
  Words paths;
  if (there.root == "/" && there.source.starts_with('/')) paths.push_back(there.source);
  for (const Mount& mount : here) {
    const std::string above = mount.root == "/" ? "" : mount.root;
    const bool is_below = there.root == mount.root || there.root.starts_with(above + "/");
    if (mount.device != there.device || !is_below) continue;
    const std::string place = mount.place == "/" ? "" : mount.place;
    paths.push_back(place + there.root.substr(std::min(above.size(), there.root.size())));
  }
  return paths;
}

}  // namespace

Words running_images(const Words&) {
  const std::vector<Mount> here = mounts_of("self");
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), closedir);
  if (!processes) throw Refused("opendir").cannot("read /proc");
  struct stat own {};
  stat("/proc/self/ns/mnt", &own);
  std::set<ino_t> seen{own.st_ino};
  Words found;
  while (const dirent* entry = readdir(processes.get())) {
    const std::string name = entry->d_name;
    struct stat space {};
    // processes of others, and those that have ended, can't be examined
    if (!is_number(name) || stat(("/proc/" + name + "/ns/mnt").c_str(), &space) != 0) continue;
    if (!seen.insert(space.st_ino).second) continue;
    const std::vector<Mount> there = mounts_of(name);
    const auto root = std::ranges::find(there, "/", &Mount::place);
    if (root == there.end()) continue;
    const Words paths = paths_of(*root, here);
    found.insert(found.end(), paths.begin(), paths.end());
    found.emplace_back();
  }
  return found;
}

Words free_room(const Words& arguments) {
  struct statvfs system {};
  if (statvfs(arguments.at(0).c_str(), &system) != 0) throw Refused("statvfs").cannot("examine " + arguments.at(0));
  return {std::to_string(uint64_t{system.f_bavail} * system.f_frsize),
          std::to_string(uint64_t{system.f_blocks} * system.f_frsize)};
}

}  // namespace chrun
