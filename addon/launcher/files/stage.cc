#include "launcher/files/stage.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/image_path.h"
#include "base/system_calls.h"
#include "launcher/files/mounts.h"

namespace chrun {
namespace {

/// Every container has the host's, so it exists; and no launch examines its contents.
constexpr const char* kCovered = "/sys";
constexpr const char* kAction = "mount a tmpfs for mount points";

Fd cover() {
  if (mount("tmpfs", kCovered, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m") != 0)
    throw Refused("mount").cannot(kAction);
  Fd root(open(kCovered, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw Refused("open").cannot(kAction);
  return root;
}

void bind_tree(int source, const std::string& place, const std::string& action) {
  if (mount(descriptor_path(source).c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    throw Refused("mount").cannot(action);
}

void set_propagation(int mount_root, unsigned long propagation) {
  if (mount(nullptr, descriptor_path(mount_root).c_str(), nullptr, propagation, nullptr) != 0)
    throw Refused("mount").cannot(kAction);
}

}  // namespace

void Stage::begin() { root_ = cover(); }

void Stage::begin_hidden() {
  const Fd covered(open(kCovered, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!covered) throw Refused("open").cannot(kAction);
  root_ = cover();
  // copies of trees of mounts leave out what is unbindable, with all that is mounted on it
  set_propagation(root_.get(), MS_UNBINDABLE);
  hidden_ = true;
  bind_tree(covered.get(), kCovered, kAction);
}

void Stage::settle() {
  if (hidden_) set_propagation(root_.get(), MS_PRIVATE);
  hidden_ = false;
}

Fd Stage::copy(int directory, const char* path, const std::string& action) {
  if (Fd detached = copy_tree(directory, path)) return detached;
  if (!is_unknown_call(errno)) throw Refused("open_tree").cannot(action);
  if (*path == '\0') return open_slot(keep_copy(directory, action));
  const Fd source(openat(directory, path, O_PATH | O_CLOEXEC));
  if (!source) throw Refused("open").cannot(action);
  return open_slot(keep_copy(source.get(), action));
}

int Stage::keep_copy(int source, const std::string& action) {
  const int slot = make_slot(file_type(source, action) == S_IFDIR);
  bind_tree(source, slot_path(slot), action);
  return slot;
}

Fd Stage::open_slot(int slot) const {
  Fd mounted(openat(root_.get(), std::to_string(slot).c_str(), O_PATH | O_CLOEXEC));
  if (!mounted) throw Refused("open").cannot(kAction);
  return mounted;
}

Fd Stage::make(const char* type, unsigned long flags, const std::string& options, const std::string& action,
               const std::string& source) {
  const int slot = make_slot();
  if (mount(source.empty() ? type : source.c_str(), slot_path(slot).c_str(), type, flags, options.c_str()) != 0)
    throw Refused("mount").cannot(action).about(type);
  return open_slot(slot);
}

int Stage::make_slot(bool directory) {
  const std::string name = std::to_string(slots_);
  if (directory ? mkdirat(root_.get(), name.c_str(), 0700) != 0
                : mknodat(root_.get(), name.c_str(), S_IFREG | 0600, 0) != 0)
    throw Refused(directory ? "mkdir" : "mknod").cannot(kAction);
  return slots_++;
}

std::string Stage::slot_path(int slot) const { return descriptor_path(root_.get()) + "/" + std::to_string(slot); }

}  // namespace chrun
