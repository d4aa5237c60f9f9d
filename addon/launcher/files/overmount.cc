#include "launcher/files/overmount.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <vector>

#include "base/error.h"
#include "base/image_path.h"
#include "launcher/files/mounts.h"

namespace chrun {
namespace {

constexpr size_t kMostEntries = 20000;  // each becomes a mount, and the kernel allows 100,000 in all

std::vector<std::string> list_entries(const Gap& gap) {
  const int readable = openat(gap.parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* listing = readable < 0 ? nullptr : fdopendir(readable);
  if (!listing) throw Refused("open").cannot("list " + gap.parent_path + " in the image");
  std::vector<std::string> entries;
  while (const dirent* each = readdir(listing)) {
    const std::string name = each->d_name;
    if (name != "." && name != "..") entries.push_back(name);
  }
  closedir(listing);
  if (entries.size() > kMostEntries)
    throw Error("can't cover " + gap.parent_path + " in the image: it has " + std::to_string(entries.size()) +
                " entries");
  return entries;
}

void bind_again(Stage& stage, int cover, const std::string& entry, int parent) {
  const char* name = entry.c_str();
  const Fd original(openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!original) throw Refused("open").cannot("bind " + entry + " again");
  const mode_t type = file_type(original.get(), entry);
  if (type == S_IFLNK) {
    char target[PATH_MAX] = {};
    if (readlinkat(parent, name, target, sizeof target - 1) < 0 || symlinkat(target, cover, name) != 0)
      throw Refused("symlink").cannot("copy the symbolic link " + entry);
    return;
  }
  const bool directory = type == S_IFDIR;
  if (directory ? mkdirat(cover, name, 0755) != 0 : mknodat(cover, name, S_IFREG | 0644, 0) != 0)
    throw Refused(directory ? "mkdir" : "mknod").cannot("make a place for " + entry);
  const Fd place(openat(cover, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const std::string action = "bind " + entry + " again";
  if (!place) throw Refused("open").cannot(action);
  place_mount(stage.copy(original.get(), "", action).get(), place.get(), action);
}

}  // namespace

Fd make_by_overmount(Stage& stage, int root, const std::vector<Destination>& all) {
  const Gap gap = find_gap(root, all.front().path);
  const auto entries = list_entries(gap);
  struct stat status;
  if (fstat(gap.parent.get(), &status) != 0) throw Refused("fstat").cannot("examine " + gap.parent_path);
  const std::string action = "cover " + gap.parent_path + " in the image";
  Fd cover = stage.make("tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=16m", action);
  for (const std::string& entry : entries) bind_again(stage, cover.get(), entry, gap.parent.get());
  for (const auto& [path, file] : all) {
    const Gap other = find_gap(root, path);
    if (other.parent_path == gap.parent_path) create_in_image(cover.get(), other.rest, file);
  }
  fchmodat(AT_FDCWD, descriptor_path(cover.get()).c_str(), status.st_mode & 07777, 0);
  // what is bound again keeps what it had: /proc may be among it, or what can be written to with --write
  restrict_mount(cover.get(), "the cover of " + gap.parent_path, MS_RDONLY);
  if (gap.parent_path == "/") return cover;
  place_mount(cover.get(), gap.parent.get(), action);
  return {};
}

}  // namespace chrun
