#include "launcher/files/overmount.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <vector>

#include "base/error.h"
#include "launcher/files/image_path.h"
#include "launcher/files/mounts.h"

namespace chrun {
namespace {

constexpr size_t kMostEntries = 1000;  // each becomes a mount, and the kernel allows 100,000 in all

struct Entry {
  std::string name;
  Fd place;
};

std::vector<Entry> open_entries(const Gap& gap) {
  const int readable = openat(gap.parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* listing = readable < 0 ? nullptr : fdopendir(readable);
  if (!listing) throw SysError("list " + gap.parent_path + " in the image", "open");
  std::vector<Entry> entries;
  while (const dirent* each = readdir(listing)) {
    const std::string name = each->d_name;
    if (name == "." || name == "..") continue;
    entries.push_back({name, Fd(openat(gap.parent.get(), each->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC))});
  }
  closedir(listing);
  if (entries.size() > kMostEntries)
    throw Error("can't cover " + gap.parent_path + " in the image: it has " + std::to_string(entries.size()) +
                " entries");
  return entries;
}

void bind_again(Stage& stage, int cover, const Entry& entry, int parent) {
  const char* name = entry.name.c_str();
  const mode_t type = file_type(entry.place.get(), entry.name);
  if (type == S_IFLNK) {
    char target[PATH_MAX] = {};
    if (readlinkat(parent, name, target, sizeof target - 1) < 0 || symlinkat(target, cover, name) != 0)
      throw SysError("copy the link " + entry.name, "symlink");
    return;
  }
  const bool directory = type == S_IFDIR;
  if (directory ? mkdirat(cover, name, 0755) != 0 : mknodat(cover, name, S_IFREG | 0644, 0) != 0)
    throw SysError("make a place for " + entry.name, directory ? "mkdir" : "mknod");
  const Fd place(openat(cover, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const std::string action = "bind " + entry.name + " again";
  place_mount(stage.copy(entry.place.get(), "", action).get(), place.get(), action);
}

}  // namespace

Fd make_by_overmount(Stage& stage, int root, const std::string& path, bool want_file) {
  const Gap gap = find_gap(root, path);
  const auto entries = open_entries(gap);
  struct stat status;
  if (fstat(gap.parent.get(), &status) != 0) throw SysError("look at " + gap.parent_path, "fstat");
  const std::string action = "cover " + gap.parent_path + " in the image";
  Fd cover = stage.make("tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m", action);
  for (const Entry& entry : entries) bind_again(stage, cover.get(), entry, gap.parent.get());
  create_in_image(cover.get(), gap.rest, want_file);
  fchmodat(AT_FDCWD, descriptor_path(cover.get()).c_str(), status.st_mode & 07777, 0);
  if (!restrict_tree(cover.get(), "the cover of " + gap.parent_path, MS_RDONLY))
    restrict_mount(cover.get(), "the cover of " + gap.parent_path, MS_RDONLY);
  if (gap.parent_path == "/") return cover;
  place_mount(cover.get(), gap.parent.get(), action);
  return {};
}

}  // namespace chrun
