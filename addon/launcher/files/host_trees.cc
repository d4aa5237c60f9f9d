#include "launcher/files/host_trees.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/image_path.h"
#include "launcher/files/mounts.h"

namespace chrun {
namespace {

constexpr unsigned kSpareDescriptors = 16;  // a generous estimate of what the steps need at a time

/// Whether a path is unavailable: it does not exist, permission is denied, or its file system is dead.
bool is_out_of_reach(int code) {
  constexpr int kCodes[] = {ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ESTALE, EIO, ENOTCONN, EHOSTDOWN, ETIMEDOUT};
  return std::ranges::find(kCodes, code) != std::end(kCodes);
}

/// Whether there is room for what is still to be opened, above `highest`.
bool is_roomy(int highest) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > highest + kSpareDescriptors;
}

}  // namespace

Fd open_on_host(const HostPath& path) {
  // only directories can be automounts, and only a lookup that wants a directory triggers them
  Fd found(openat(path.start(), path.name(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!found && errno == ENOTDIR) found = Fd(openat(path.start(), path.name(), O_PATH | O_CLOEXEC));
  return found;
}

void HostTrees::find() {
  held_ = hold_all();
  found_ = true;
}

void HostTrees::begin(Stage& stage) {
  if (held_) {
    stage.begin();
  } else {
    trees_.clear();
    stage.begin_hidden();
    keep_all(stage);
    stage.settle();
  }
  wishes_.clear();  // nor stay what they were looked up in open
}

/// An optional file is cloned when it is taken: the kernel takes 50 us to close a clone that nobody wanted. Nothing can
/// be mounted below it meanwhile, as below a directory.
HostTrees::Tree HostTrees::look_up(const Wish& wish) {
  if (wish.optional) {
    Fd file(openat(wish.path.start(), wish.path.name(), O_PATH | O_CLOEXEC));
    if (!file) return {};
    if (file_type(file.get(), wish.path.path) != S_IFDIR) return {std::move(file), -1, false, wish.action};
  }
  return {wish.alone ? copy_mount(wish.path.start(), wish.path.name())
                     : copy_tree(wish.path.start(), wish.path.name())};
}

/// With a descriptor for each. False if the kernel has no detached mounts (before Linux 5.2), or there are too few
/// descriptors (ulimit -n).
bool HostTrees::hold_all() {
  int highest = 0;
  for (const auto& [step, wish] : wishes_) {
    Tree tree = look_up(wish);
    if (!tree.root) {
      if (is_unknown_call(errno) || errno == EMFILE) return false;
      if (wish.optional && is_out_of_reach(errno)) continue;
      throw Refused("open_tree").cannot(wish.action);
    }
    highest = std::max(highest, tree.root.get());
    trees_[step] = std::move(tree);
  }
  return is_roomy(highest);
}

void HostTrees::keep_all(Stage& stage) {
  for (const auto& [step, wish] : wishes_) {
    const Fd source = open_on_host(wish.path);
    if (source)
      trees_[step].slot = stage.keep_copy(source.get(), wish.action);
    else if (!wish.optional || !is_out_of_reach(errno))
      throw Refused("open").cannot(wish.action);
  }
}

bool HostTrees::holds_file(const Stage& stage, Key step) const {
  const auto found = trees_.find(step);
  if (found == trees_.end()) return false;
  const Tree& tree = found->second;
  const Fd kept = tree.slot < 0 ? Fd() : stage.open_slot(tree.slot);
  return file_type(kept ? kept.get() : tree.root.get(), "the source of a bind") != S_IFDIR;
}

Fd HostTrees::take(Stage& stage, Key step) {
  const auto found = trees_.find(step);
  if (found == trees_.end()) return {};
  Tree tree = std::move(found->second);
  trees_.erase(found);
  if (!tree.cloned) return stage.copy(tree.root.get(), "", tree.action);
  return tree.slot < 0 ? std::move(tree.root) : stage.open_slot(tree.slot);
}

}  // namespace chrun
