#include "launcher/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/proc.h"
#include "base/system_calls.h"
#include "launcher/image_path.h"
#include "launcher/log.h"

namespace chrun {
namespace {

/// stat(2) flags of a mount, in the words of mount(2).
unsigned long locked_flags(const struct statvfs& status) {
  constexpr struct {
    unsigned long stat, mount;
  } pairs[] = {{ST_RDONLY, MS_RDONLY},    {ST_NOSUID, MS_NOSUID},   {ST_NODEV, MS_NODEV},
               {ST_NOEXEC, MS_NOEXEC},    {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME},
               {ST_RELATIME, MS_RELATIME}};
  unsigned long flags = 0;
  for (const auto& pair : pairs) {
    if (status.f_flag & pair.stat) flags |= pair.mount;
  }
  return flags;
}

std::string restriction_words(const std::string& name, unsigned long flags) {
  return "make " + name + (flags & MS_RDONLY ? " read-only" : " nosuid, nodev or noexec");
}

const char* type_words(bool directory) { return directory ? "a directory" : "not a directory"; }

/// The bind's destination, made if that is asked for; empty if it is missing and may be.
Fd open_destination(int root, const Bind& bind, bool source_is_directory) {
  Fd destination = open_in_image(root, bind.destination);
  // over a link that leads nowhere, such as the resolv.conf of a system that makes it at boot
  if (!destination && !source_is_directory) destination = open_link_in_image(root, bind.destination);
  if (!destination && bind.create) destination = create_in_image(root, bind.destination, !source_is_directory);
  if (!destination && !bind.optional) {
    throw Error("can't bind " + bind.source + ": there is no " + bind.destination + " in the image",
                "make it in the image, or use --write so that it can be created");
  }
  return destination;
}

/// Whether something is mounted in host directory `path`.
bool has_mounts_below(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  const std::string prefix = std::string(real ? real : path.c_str()) + "/";
  free(real);
  return std::ranges::any_of(mount_points(), [&](const std::string& place) { return place.starts_with(prefix); });
}

void protect_bind(int root, const Bind& bind) {
  Fd mounted = open_in_image(root, bind.destination);
  if (!mounted) throw Error("can't find " + bind.destination + ", which was bound just now");
  if (restrict_mounts(mounted.get(), bind.destination, bind.flags) || !has_mounts_below(bind.source)) return;
  if (bind.flags & MS_RDONLY) {
    log::warning("what is mounted below " + bind.source + " can still be written to at " + bind.destination +
                 ": this kernel (before 5.12) makes only the bind itself read-only");
  }
}

}  // namespace

void bind_into_image(int root, const Bind& bind) {
  constexpr int kMostTries = 10;
  struct stat source;
  if (stat(bind.source.c_str(), &source) != 0) {
    if (bind.optional && (errno == ENOENT || errno == ENOTDIR)) return;
    throw SysError("bind " + bind.source, "stat");
  }
  const bool directory = S_ISDIR(source.st_mode);
  for (int tries = 1;; tries++) {
    const Fd destination = open_destination(root, bind, directory);
    if (!destination) return;
    if ((file_type(destination.get(), bind.destination) == S_IFDIR) != directory) {
      throw Error("can't bind " + bind.source + " to " + bind.destination + ": the one is " + type_words(directory) +
                  ", the other is " + type_words(!directory));
    }
    // the source goes by its path, not by a descriptor: only then does the kernel mount what an automounter promises
    const std::string place = descriptor_path(destination.get());
    if (mount(bind.source.c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0) break;
    // ENOENT: both were there just now. Seen once in a thousand launches that shared a FUSE file system at its start
    if (errno != ENOENT || tries == kMostTries)
      throw SysError("bind " + bind.source + " to " + bind.destination, "mount");
  }
  if (bind.flags != 0) protect_bind(root, bind);
}

void tmpfs_into_image(int root, const std::string& destination, const std::string& options) {
  const Fd place = open_in_image(root, destination);
  if (!place) {
    throw Error("can't mount a tmpfs at " + destination + ": there is no " + destination + " in the image",
                "every image needs the directories /dev, /proc, /sys and /tmp");
  }
  if (mount("tmpfs", descriptor_path(place.get()).c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    throw SysError("mount a tmpfs at " + destination, "mount");
  }
}

void attach_mount(int mount, const std::string& place) {
  if (syscall(kMoveMount, mount, "", AT_FDCWD, place.c_str(), kMoveMountEmptyPath) != 0) {
    throw SysError("mount the image at " + place, "move_mount");
  }
}

Fd open_mount(const std::string& place) {
  // the root directory's own name leads below what is mounted over it, its parent's name on top
  Fd root(open(place == kOverTheRoot ? "/.." : place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw SysError("open the image at " + place, "open");
  return root;
}

PlacedMount mount_copy(const std::string& path) {
  Fd copy(static_cast<int>(syscall(kOpenTree, AT_FDCWD, path.c_str(), kOpenTreeClone | kOpenTreeCloexec | kRecursive)));
  if (copy) {
    attach_mount(copy.get(), kOverTheRoot);
    return {std::move(copy), true};
  }
  // EPERM: seccomp filters of older container engines answer so for calls that they do not know
  if (errno != ENOSYS && errno != EPERM) throw SysError("mount the image " + path, "open_tree");
  if (mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    throw SysError("mount the image " + path, "mount");
  }
  return {open_mount(path), false};
}

bool restrict_mounts(int root, const std::string& name, unsigned long flags) {
  MountChange change{};
  change.set = flags;
  if (syscall(kMountSetattr, root, "", AT_EMPTY_PATH | kRecursive, &change, sizeof change) == 0) return true;
  if (errno != ENOSYS && errno != EPERM) throw SysError(restriction_words(name, flags), "mount_setattr");
  restrict_mount(root, name, flags);
  return false;
}

void restrict_mount(int root, const std::string& name, unsigned long flags) {
  struct statvfs status;
  if (fstatvfs(root, &status) != 0) throw SysError(restriction_words(name, flags), "statvfs");
  const unsigned long all = MS_REMOUNT | MS_BIND | flags | locked_flags(status);
  if (mount(nullptr, descriptor_path(root).c_str(), nullptr, all, nullptr) != 0) {
    throw SysError(restriction_words(name, flags), "mount");
  }
}

bool make_read_only(int root, const std::string& name) { return restrict_mounts(root, name, MS_RDONLY); }

}  // namespace chrun
