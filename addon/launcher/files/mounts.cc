#include "launcher/files/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <climits>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/image_path.h"
#include "base/proc.h"
#include "base/system_calls.h"

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

bool try_to_restrict(int mount, unsigned long flags) {
  try {
    restrict_mount(mount, "a mount", flags);
    return true;
  } catch (const SysError&) {
    return false;
  }
}

}  // namespace

Fd copy_tree(int directory, const char* path) {
  const unsigned empty = *path == '\0' ? AT_EMPTY_PATH : 0;
  return Fd(
      static_cast<int>(syscall(kOpenTree, directory, path, kOpenTreeClone | kOpenTreeCloexec | kRecursive | empty)));
}

Fd copy_mount(int directory, const char* path) {
  const unsigned empty = *path == '\0' ? AT_EMPTY_PATH : 0;
  Fd copy(static_cast<int>(syscall(kOpenTree, directory, path, kOpenTreeClone | kOpenTreeCloexec | empty)));
  return copy || errno != EINVAL ? std::move(copy) : copy_tree(directory, path);
}

bool is_unknown_call(int code) { return code == ENOSYS || code == EPERM; }

void place_mount(int mount, int place, const std::string& action) {
  if (syscall(kMoveMount, mount, "", place, "", kMoveMountEmptyPath | kMoveMountToEmptyPath) == 0) return;
  const int code = errno;
  if (!is_unknown_call(code)) throw Refused("move_mount", code).cannot(action);
  if (::mount(descriptor_path(mount).c_str(), descriptor_path(place).c_str(), nullptr, MS_MOVE, nullptr) == 0) return;
  throw code == EPERM ? Refused("move_mount", code).cannot(action) : Refused("mount").cannot(action);
}

bool differ_in_type(int mount, int place) {
  return (file_type(mount, "a mount") == S_IFDIR) != (file_type(place, "its place") == S_IFDIR);
}

bool restrict_tree(int mount, const std::string& name, unsigned long flags) {
  MountChange change{};
  change.set = flags;
  if (syscall(kMountSetattr, mount, "", AT_EMPTY_PATH | kRecursive, &change, sizeof change) == 0) return true;
  if (!is_unknown_call(errno)) throw Refused("mount_setattr").cannot(restriction_words(name, flags));
  return false;
}

bool change_mount(int mount, const std::string& name, unsigned long set, unsigned long clear, bool below) {
  constexpr unsigned long kAccessTimes = 0x70;  // MOUNT_ATTR__ATIME: one of several values, not a bit each
  MountChange change{};
  change.set = set;
  change.clear = clear | ((set | clear) & kAccessTimes ? kAccessTimes : 0);
  const unsigned flags = AT_EMPTY_PATH | (below ? kRecursive : 0);
  if (syscall(kMountSetattr, mount, "", flags, &change, sizeof change) == 0) return true;
  const Refused refused("mount_setattr");
  if (errno == ENOSYS) return false;
  change.clear = set & kAccessTimes ? kAccessTimes : 0;
  if (errno == EPERM && clear != 0 && syscall(kMountSetattr, mount, "", flags, &change, sizeof change) == 0)
    return true;
  throw refused.cannot("set the flags of the mount at " + name);
}

void set_propagation(int mount, const std::string& name, unsigned long propagation) {
  if (::mount(nullptr, descriptor_path(mount).c_str(), nullptr, propagation, nullptr) != 0)
    throw Refused("mount").cannot("set the propagation of the mount at " + name);
}

void restrict_mount(int mount, const std::string& name, unsigned long flags) {
  struct statvfs status;
  if (fstatvfs(mount, &status) != 0) throw Refused("statvfs").cannot(restriction_words(name, flags));
  // the descriptor refers to the root of exactly this mount, even if path components were replaced
  const unsigned long all = MS_REMOUNT | MS_BIND | flags | locked_flags(status);
  if (::mount(nullptr, descriptor_path(mount).c_str(), nullptr, all, nullptr) != 0)
    throw Refused("mount").cannot(restriction_words(name, flags));
}

void PlacedMounts::add(int mount, const std::string& path) { all_.push_back({path, mount_of(mount)}); }

void PlacedMounts::move_to(int root) {
  for (Placed& placed : all_) {
    Fd found = open_in_image(root, placed.path);
    if (!found) found = open_link_in_image(root, placed.path);
    if (found) placed.id = mount_of(found.get());
  }
}

void PlacedMounts::check() const {
  for (const Placed& placed : all_) {
    unsigned long long id = mount_at(AT_FDCWD, placed.path.c_str(), 0);
    if (id == 0 && errno == ENOSYS) return;  // before Linux 5.8, which removes none
    if (id == 0) id = mount_at(AT_FDCWD, placed.path.c_str(), AT_SYMLINK_NOFOLLOW);
    // a later one may cover it
    if (placed.id == 0 || std::ranges::any_of(all_, [id](const Placed& each) { return each.id == id; })) continue;
    throw Error(
        "can't mount at " + placed.path + ": the kernel has removed the mount again",
        "Linux 6.16 and later sometimes do so when many processes start in a SquashFS image at the same moment; "
        "start it again");
  }
}

std::string mount_below(int mount) {
  const std::string top = path_of(mount) + "/";
  for (const auto& [id, place] : mount_table()) {
    if (place.starts_with(top)) return place.substr(top.size() - 1);
  }
  return {};
}

bool restrict_one_by_one(int mount, const std::string& name, unsigned long flags) {
  restrict_mount(mount, name, flags);
  const std::string top = path_of(mount) + "/";
  std::map<std::string, std::vector<unsigned long long>> below;  // numbers of mounts, by their place
  for (const auto& [id, place] : mount_table()) {
    if (place.starts_with(top)) below[place.substr(top.size())].push_back(id);
  }
  bool all = true;
  for (const auto& [place, ids] : below) {
    const Fd found(openat(mount, place.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    // of several at one place the last one is visible; others can't be reached. What has been exchanged is no mount
    all = found && std::ranges::find(ids, mount_of(found.get())) != ids.end() && try_to_restrict(found.get(), flags) &&
          all;
  }
  return all;
}

}  // namespace chrun
