#include "base/host_path.h"

#include <sys/stat.h>

#include "base/error.h"

namespace chrun {
namespace {

/// What of `path` is below `above`.
std::string part_below(const std::string& path, const std::string& above) {
  if (above.empty()) return path;
  if (!path.starts_with(above + "/")) throw Error("malformed plan: " + path + " is not below " + above);
  return path.substr(above.size() + 1);
}

Fd open_the_one(const HostPath& place, std::string_view inode, const std::string& image) {
  Fd found(openat(place.start(), place.name(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!found && errno != ENOTDIR && errno != ELOOP) throw Refused("open").cannot("open " + place.path);
  struct stat status;
  if (found && fstat(found.get(), &status) != 0) throw Refused("fstat").cannot("examine " + place.path);
  if (found && inode_words(status) == inode) return found;
  throw Error("refusing the image " + image + ": " + place.path + " is not the directory that the plan was made for");
}

}  // namespace

std::string inode_words(const struct stat& status) {
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

HostPath judged_path(std::string path, std::span<const std::string_view> way) {
  HostPath here;
  for (size_t i = 0; i + 1 < way.size(); i += 2) {
    HostPath next{std::string(way[i]), std::move(here.directory), part_below(std::string(way[i]), here.path)};
    next.directory = open_the_one(next, way[i + 1], path);
    here = std::move(next);
  }
  std::string below = part_below(path, here.path);
  return {std::move(path), std::move(here.directory), std::move(below)};
}

}  // namespace chrun
