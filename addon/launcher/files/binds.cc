#include "launcher/files/binds.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/image_path.h"
#include "launcher/files/mounts.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

/// Returns false if the mount point has become stale since it was looked up.
bool place_bind(const Bind& bind, int tree, int destination) {
  try {
    place_mount(tree, destination, "bind " + bind.source + " to " + bind.destination);
    return true;
  } catch (const SysError& refusal) {
    if (refusal.code() == ENOENT) return false;
    if (!differ_in_type(tree, destination)) throw;
    const bool directory = file_type(tree, bind.source) == S_IFDIR;
    throw Error("can't bind " + bind.source + " to " + bind.destination + ": " +
                (directory ? bind.source : bind.destination) + " is a directory and " +
                (directory ? bind.destination : bind.source) + " is not");
  }
}

}  // namespace

Fd open_destination(int root, const Bind& bind, bool file) {
  Fd destination = open_in_image(root, bind.destination);
  if (destination) return destination;
  // over a dangling symbolic link, such as the resolv.conf of a system that creates it at boot
  if (file) destination = open_link_in_image(root, bind.destination);
  if (!destination && bind.create) destination = create_in_image(root, bind.destination, file);
  return destination;
}

void bind_into_image(int root, const Bind& bind, int tree, Fd destination) {
  const bool restricted = bind.flags == 0 || restrict_tree(tree, bind.destination, bind.flags);
  // Since Linux 6.16, first look-ups of one name by several processes leave directory entries in FUSE that are in no
  // directory (ENOENT when something is mounted there): a second look-up finds the right one.
  constexpr int kMostTries = 10;
  for (int tries = 1; !place_bind(bind, tree, destination.get()); tries++) {
    destination = open_in_image(root, bind.destination);
    if (!destination || tries == kMostTries)
      throw Refused("move_mount", ENOENT).cannot("bind " + bind.source + " to " + bind.destination);
  }
  if (!restricted) {
    if (!restrict_one_by_one(tree, bind.destination, bind.flags) && (bind.flags & MS_RDONLY))
      log::warning("what is mounted below " + bind.source + " can still be written to at " + bind.destination +
                   ": this kernel (before 5.12) did not make all of it read-only");
  }
}

Fd tmpfs_into_image(Stage& stage, int root, const std::string& destination, const std::string& options) {
  const std::string action = "mount a tmpfs at " + destination;
  const Fd place = open_in_image(root, destination);
  if (!place) return {};
  Fd made = stage.make("tmpfs", MS_NOSUID | MS_NODEV, options, action);
  place_mount(made.get(), place.get(), action);
  return made;
}

}  // namespace chrun
