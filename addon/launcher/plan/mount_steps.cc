// The steps that mount what an OCI container asks for, in the order given.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "base/error.h"
#include "base/file_words.h"
#include "base/image_path.h"
#include "base/records.h"
#include "launcher/files/copy_up.h"
#include "launcher/files/mapped_mount.h"
#include "launcher/plan/creation.h"

namespace chrun {
namespace {

/// An option of mount(8): the flag of mount(2), and what it is of a mount alone (MOUNT_ATTR_*); 0 where that has none.
struct Option {
  std::string_view name;
  unsigned long flag, attribute;
};
constexpr unsigned long kNoSymlinks = 0x100, kNoSymlinksAttribute = 0x200000;  // Linux 5.10, 5.14
constexpr Option kOptions[] = {
    {"ro", MS_RDONLY, 0x1},
    {"nosuid", MS_NOSUID, 0x2},
    {"nodev", MS_NODEV, 0x4},
    {"noexec", MS_NOEXEC, 0x8},
    {"noatime", MS_NOATIME, 0x10},
    {"strictatime", MS_STRICTATIME, 0x20},
    {"relatime", MS_RELATIME, 0},
    {"nodiratime", MS_NODIRATIME, 0x80},
    {"nosymfollow", kNoSymlinks, kNoSymlinksAttribute},
    {"sync", MS_SYNCHRONOUS, 0},
    {"dirsync", MS_DIRSYNC, 0},
    {"mand", MS_MANDLOCK, 0},
    {"iversion", MS_I_VERSION, 0},
    {"silent", MS_SILENT, 0},
    {"lazytime", MS_LAZYTIME, 0},
};
constexpr Option kPropagations[] = {
    {"private", MS_PRIVATE, 0},       {"rprivate", MS_PRIVATE | MS_REC, 0},
    {"slave", MS_SLAVE, 0},           {"rslave", MS_SLAVE | MS_REC, 0},
    {"shared", MS_SHARED, 0},         {"rshared", MS_SHARED | MS_REC, 0},
    {"unbindable", MS_UNBINDABLE, 0}, {"runbindable", MS_UNBINDABLE | MS_REC, 0},
};

/// mount DESTINATION TYPE SOURCE DATA OPTION …; an option is that of mount(8), `-` and one to clear it, the same with
/// `r` and a colon for all mounts below; or copy-up, or-bind; idmap, with uid-map= and gid-map= for each range;
/// remount, for what is mounted there already; dest-nofollow, to mount over a link; of binds, copy-symlink, to make the
/// same link, and src-nofollow, to mount the link, where the source is one.
struct Wanted {
  std::string destination, type, source, data;
  unsigned long flags = 0;
  unsigned long set = 0, clear = 0, set_below = 0, clear_below = 0;  // attributes
  unsigned long propagation = 0;
  bool copy_up = false, or_bind = false, remount = false, over_link = false;
  bool copy_link = false, of_link = false;
  bool mapped = false, mapped_below = false;
  MountMaps maps{};

  bool is_bind() const { return type == "bind" || type == "rbind"; }
};

const Option* find(std::span<const Option> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &Option::name);
  return found == options.end() ? nullptr : &*found;
}

bool take_map_option(Wanted& wanted, std::string_view word) {
  if (word == "idmap") return wanted.mapped = true;
  if (word == "r:idmap") return wanted.mapped = wanted.mapped_below = true;
  const bool users = word.starts_with("uid-map="), groups = word.starts_with("gid-map=");
  if (users || groups) (users ? wanted.maps.users : wanted.maps.groups) += std::string(word.substr(8)) + "\n";
  return users || groups;
}

void take_option(Wanted& wanted, std::string_view word) {
  if (word == "copy-up") return void(wanted.copy_up = true);
  if (word == "or-bind") return void(wanted.or_bind = true);
  if (word == "remount") return void(wanted.remount = true);
  if (word == "dest-nofollow") return void(wanted.over_link = true);
  if (word == "copy-symlink") return void(wanted.copy_link = true);
  if (word == "src-nofollow") return void(wanted.of_link = true);
  if (take_map_option(wanted, word)) return;
  if (const Option* propagation = find(kPropagations, word)) return void(wanted.propagation = propagation->flag);
  const bool below = word.starts_with("r:");
  if (below) word.remove_prefix(2);
  const bool cleared = word.starts_with('-');
  if (cleared) word.remove_prefix(1);
  const Option* option = find(kOptions, word);
  if (option == nullptr) throw Error("unknown mount option '" + std::string(word) + "' in the plan");
  if (!cleared) wanted.flags |= option->flag;
  auto& attributes = below ? (cleared ? wanted.clear_below : wanted.set_below) : (cleared ? wanted.clear : wanted.set);
  attributes |= option->attribute;
}

Wanted parse(const Step& step) {
  Wanted wanted{field(step, 0), field(step, 1), field(step, 2), field(step, 3)};
  for (size_t i = 4; i < step.fields.size(); i++) take_option(wanted, step.fields[i]);
  return wanted;
}

/// With mapped ids: only root of the machine, before it enters a user namespace, can do that.
void copy_mapped_source(Creation& creation, const Step& step) {
  const Wanted wanted = parse(step);
  if (wanted.mapped)
    creation.directories[&step] = copy_mapped(wanted.source, wanted.type == "rbind", wanted.mapped_below, wanted.maps);
}

/// Where a source that is a link leads to; empty if it is none.
std::string target_of(const Fd& source) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(source.get(), "", target, sizeof target);
  return size > 0 ? std::string(target, static_cast<size_t>(size)) : std::string();
}

/// True where the step is about the link itself.
bool look_up_link(Creation& creation, const Step& step, const Wanted& wanted) {
  Fd source(open(wanted.source.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const std::string target = source ? target_of(source) : std::string();
  if (target.empty()) return false;
  if (wanted.copy_link)
    creation.links[&step] = target;
  else
    creation.host.want(&step, {{wanted.source, std::move(source), ""},
                               "bind the link " + wanted.source + " to " + wanted.destination});
  return true;
}

void look_up_source(Creation& creation, const Step& step) {
  const Wanted wanted = parse(step);
  if (wanted.mapped || wanted.remount) return;
  if ((wanted.copy_link || wanted.of_link) && look_up_link(creation, step, wanted)) return;
  if (wanted.is_bind())
    creation.host.want(
        &step, {{wanted.source}, "bind " + wanted.source + " to " + wanted.destination, false, wanted.type == "bind"});
  else if (wanted.or_bind)
    creation.host.want(&step, {{wanted.source}, "bind " + wanted.source, true});
}

/// The place, made if it is missing: a file or a directory, like what is to be mounted.
Fd place_for(const Creation& creation, const Step& step, const std::string& path, bool file, bool over_link = false) {
  const int root = root_of(creation, step);
  if (over_link) {
    if (Fd link = open_link_in_image(root, path)) return link;
  }
  if (Fd found = open_in_image(root, path)) return found;
  return create_in_image(root, path, file);
}

/// What tmpfs(5) would have without `mode=`: that of the directory that it covers.
std::string tmpfs_data(const Wanted& wanted, int place) {
  if (wanted.type != "tmpfs" || ("," + wanted.data).find(",mode=") != std::string::npos) return wanted.data;
  struct stat status;
  if (fstat(place, &status) != 0) return wanted.data;
  return wanted.data + (wanted.data.empty() ? "" : ",") + "mode=" + mode_words(status.st_mode);
}

/// A new file system, or what the host has at the same place, where the kernel refuses a new one here.
Fd make_file_system(Creation& creation, const Step& step, const Wanted& wanted, int place, bool& bound) {
  const std::string action = "mount " + wanted.type + " at " + wanted.destination;
  // what is copied first can't be copied into a read-only one
  const unsigned long flags = wanted.copy_up ? wanted.flags & ~static_cast<unsigned long>(MS_RDONLY) : wanted.flags;
  // of what may be bound instead, it is the path
  const std::string source = wanted.or_bind ? std::string() : wanted.source;
  try {
    return creation.stage.make(wanted.type.c_str(), flags, tmpfs_data(wanted, place), action, source);
  } catch (const SysError& refusal) {
    if (!wanted.or_bind || (refusal.code() != EPERM && refusal.code() != EACCES && refusal.code() != EBUSY)) throw;
    bound = true;
    Fd tree = creation.host.take(creation.stage, &step);
    if (!tree) throw;
    return tree;
  }
}

/// Before Linux 5.12 flags can only be set on a mount that has its place.
void change_flags(const Wanted& wanted, const Fd& mount, bool placed) {
  const auto change = [&](unsigned long set, unsigned long clear, bool below) {
    if (!set && !clear) return;
    if (placed)
      below ? void(restrict_one_by_one(mount.get(), wanted.destination, set & 0xf))
            : restrict_mount(mount.get(), wanted.destination, set & 0xf);
    else
      change_mount(mount.get(), wanted.destination, set, clear, below);
  };
  change(wanted.set, wanted.clear, false);
  change(wanted.set_below, wanted.clear_below, true);
}

bool can_change_detached(const Fd& mount) { return change_mount(mount.get(), "a mount", 0, 0, false); }

/// What the kernel shows of itself has to be where others look for it, to mask parts of it.
void refuse_link(const Creation& creation, const Step& step, const Wanted& wanted) {
  const bool kernel = wanted.type == "proc" || wanted.type == "sysfs";
  if (kernel && open_link_in_image(root_of(creation, step), wanted.destination))
    throw Error("can't mount " + wanted.type + " at " + wanted.destination + ": it is a symbolic link");
}

/// Flags and data of what is mounted there; that it is a mount, the kernel checks.
void remount(const Creation& creation, const Step& step, const Wanted& wanted) {
  const std::string action = "remount " + wanted.destination;
  const Fd place = open_in_image(root_of(creation, step), wanted.destination);
  if (!place) throw Refused("open").cannot(action);
  const unsigned long flags = MS_REMOUNT | wanted.flags | (wanted.is_bind() ? MS_BIND : 0);
  if (::mount(nullptr, descriptor_path(place.get()).c_str(), nullptr, flags, wanted.data.c_str()) != 0)
    throw Refused("mount").cannot(action);
}

/// The same link; one that is there already must lead to the same place.
void copy_link(const Creation& creation, const Step& step, const std::string& target, const std::string& path) {
  const std::string action = "make the link " + path;
  const size_t slash = path.rfind('/');
  const Fd directory = place_for(creation, step, path.substr(0, slash + 1), false);
  const char* const name = path.c_str() + slash + 1;
  if (symlinkat(target.c_str(), directory.get(), name) == 0) return;
  if (errno != EEXIST) throw Refused("symlink").cannot(action);
  const Fd found(openat(directory.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!found || target_of(found) != target) throw Error("can't " + action + ": there is something else");
}

void mount(Creation& creation, const Step& step) {
  const Wanted wanted = parse(step);
  if (wanted.remount) return remount(creation, step, wanted);
  if (const auto link = creation.links.find(&step); link != creation.links.end())
    return copy_link(creation, step, link->second, wanted.destination);
  refuse_link(creation, step, wanted);
  const std::string action = "mount " + (wanted.is_bind() ? wanted.source : wanted.type) + " at " + wanted.destination;
  Fd tree, place;
  bool bound = wanted.is_bind();
  if (bound) {
    tree = wanted.mapped ? std::move(creation.directories[&step]) : creation.host.take(creation.stage, &step);
    const bool file = file_type(tree.get(), wanted.source) != S_IFDIR;
    place = place_for(creation, step, wanted.destination, file, wanted.over_link);
  } else {
    place = place_for(creation, step, wanted.destination, false, wanted.over_link);
    tree = make_file_system(creation, step, wanted, place.get(), bound);
    if (wanted.copy_up) copy_up(place.get(), tree.get(), wanted.destination);
  }
  const bool late = (bound || wanted.copy_up) && !can_change_detached(tree);
  if ((bound || wanted.copy_up) && !late) change_flags(wanted, tree, false);
  if (differ_in_type(tree.get(), place.get())) throw Error("can't " + action + ": only one of them is a directory");
  place_mount(tree.get(), place.get(), action);
  if (late) change_flags(wanted, tree, true);
  if (wanted.propagation) set_propagation(tree.get(), wanted.destination, wanted.propagation);
}

/// device PATH TYPE MAJOR:MINOR MODE UID GID HOST-PATH: made, or bound where the kernel refuses that.
void look_up_device(Creation& creation, const Step& step) {
  creation.host.want(&step, {{field(step, 6)}, "bind the device " + field(step, 6), true});
}

bool make_device(const Fd& directory, const std::string& name, const Step& step, mode_t mode) {
  const std::string_view numbers = step.fields[2];
  const size_t colon = std::min(numbers.find(':'), numbers.size());
  const auto number = [](std::string_view text) {
    return static_cast<unsigned>(parse_number(text, ~0U, "a device number"));
  };
  const dev_t device =
      makedev(number(numbers.substr(0, colon)), number(numbers.substr(std::min(colon + 1, numbers.size()))));
  const mode_t type = step.fields[1] == "b" ? S_IFBLK : step.fields[1] == "p" ? S_IFIFO : S_IFCHR;
  const std::string action = "make the device " + field(step, 0);
  if (mknodat(directory.get(), name.c_str(), type | mode, type == S_IFIFO ? 0 : device) != 0) {
    if (errno == EPERM) return false;
    if (errno != EEXIST) throw Refused("mknod").cannot(action);
  }
  const auto id = [&](size_t at) { return static_cast<unsigned>(parse_number(step.fields[at], ~0U, "an id")); };
  if (fchownat(directory.get(), name.c_str(), id(4), id(5), AT_SYMLINK_NOFOLLOW) != 0)
    throw Refused("chown").cannot(action);
  // mknod(2) takes the umask off; what was there already has another mode. A link is never followed
  const Fd made(openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made || file_type(made.get(), name) != type) throw Error("can't " + action + ": there is something else");
  if (::chmod(descriptor_path(made.get()).c_str(), mode) != 0) throw Refused("chmod").cannot(action);
  return true;
}

void device(Creation& creation, const Step& step) {
  const std::string path = field(step, 0), action = "bind the device " + field(step, 6) + " to " + path;
  const size_t slash = path.rfind('/');
  const Fd directory = place_for(creation, step, path.substr(0, slash + 1), false);
  const auto mode = static_cast<mode_t>(std::stoul(field(step, 3), nullptr, 8)) & 07777;
  if (make_device(directory, path.substr(slash + 1), step, mode)) return;
  const Fd tree = creation.host.take(creation.stage, &step);
  if (!tree) throw Error("can't " + action + ": the host has no such device");
  struct stat status;
  if (fstat(tree.get(), &status) != 0) throw Refused("fstat").cannot(action);
  if (device_words(status) != step.fields[2] && step.fields[1] != "p")
    throw Error("can't " + action + ": the host's is " + device_words(status) + ", not " + field(step, 2));
  place_mount(tree.get(), place_for(creation, step, path, true).get(), action);
}

/// An existing path that is not a link; none if it is missing.
Fd open_plain(const Creation& creation, const Step& step, const std::string& path) {
  const int root = root_of(creation, step);
  if (open_link_in_image(root, path)) throw Error("can't mask or protect " + path + ": it is a symbolic link");
  return open_in_image(root, path);
}

constexpr unsigned long kSealed = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

/// Binds `source` over what is at `path`, with these flags for all below it.
void cover(Stage& stage, int source, int place, const std::string& path, unsigned long flags) {
  const std::string action = "protect " + path;
  const Fd copy = stage.copy(source, "", action);
  const bool restricted = flags == 0 || restrict_tree(copy.get(), path, flags);
  place_mount(copy.get(), place, action);
  if (!restricted) restrict_one_by_one(copy.get(), path, flags);
}

/// A clone of a directory of the stage costs much less than a file system.
Fd make_empty_directory(Stage& stage) {
  const int slot = stage.make_slot();
  if (::chmod(stage.slot_path(slot).c_str(), 0555) != 0) throw Refused("chmod").cannot("make an empty directory");
  return stage.open_slot(slot);
}

/// mask PATH …: an empty read-only directory, or the host's /dev/null.
void look_up_null(Creation& creation, const Step& step) {
  Fd null = open_on_host({"/dev/null"});
  if (!null) throw Refused("open").cannot("use /dev/null");
  creation.directories[&step] = std::move(null);
}

void mask(Creation& creation, const Step& step) {
  const Fd null = std::move(creation.directories[&step]);
  Fd empty;  // one directory for all
  for (size_t i = 0; i < step.fields.size(); i++) {
    const std::string path = field(step, i);
    const Fd place = open_plain(creation, step, path);
    if (!place) continue;
    const bool directory = file_type(place.get(), path) == S_IFDIR;
    if (directory && !empty) empty = make_empty_directory(creation.stage);
    cover(creation.stage, directory ? empty.get() : null.get(), place.get(), path, directory ? kSealed : 0);
  }
}

/// protect PATH …: read-only, with all that is mounted below.
void protect(Creation& creation, const Step& step) {
  for (size_t i = 0; i < step.fields.size(); i++) {
    const std::string path = field(step, i);
    if (const Fd place = open_plain(creation, step, path))
      cover(creation.stage, place.get(), place.get(), path, MS_RDONLY);
  }
}

/// propagation KIND: of what is mounted at /, which is the host's until `pivot`.
void propagation(Creation&, const Step& step) {
  const Option* kind = find(kPropagations, step.fields[0]);
  if (kind == nullptr) throw Error("unknown propagation '" + field(step, 0) + "' in the plan");
  if (::mount(nullptr, "/", nullptr, kind->flag, nullptr) != 0)
    throw Refused("mount").cannot("set the propagation of /");
}

/// move-root: without pivot_root(2), where / is the initial RAM file system.
void move_root(Creation& creation, const Step& step) {
  if (fchdir(root_of(creation, step)) != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0)
    throw Refused("mount").cannot("move the root of the container to /");
  if (chroot(".") != 0 || chdir("/") != 0) throw Refused("chroot").cannot("enter the root of the container");
  creation.root.reset();
}

/// make PATH file|directory: while the image is writable; what else is wrong with it is reported when it is used.
void make(Creation& creation, const Step& step) {
  if (!open_in_image(root_of(creation, step), field(step, 0)) && errno == ENOENT)
    create_in_image(root_of(creation, step), field(step, 0), field(step, 1) == "file");
}

/// change-root PATH: in a mount namespace that others have, too, pivot_root(2) would be theirs.
void change_root(Creation& creation, const Step& step) {
  const std::string path = field(step, 0);
  if (!(creation.namespaces & CLONE_NEWNS))
    throw Error("the plan has a change-root step that is not in another mount namespace");
  if (chroot(path.c_str()) != 0 || chdir("/") != 0)
    throw Refused("chroot").cannot("enter the root " + path + " of the mount namespace");
}

constexpr StepKind<Creation> kKinds[] = {
    {"mount", 4, kAnyFields, mount, copy_mapped_source, look_up_source},
    {"device", 7, 7, device, nullptr, look_up_device},
    {"mask", 1, kAnyFields, mask, nullptr, look_up_null},
    {"protect", 1, kAnyFields, protect},
    {"propagation", 1, 1, propagation},
    {"move-root", 0, 0, move_root},
    {"make", 2, 2, make},
    {"change-root", 1, 1, change_root},
};

}  // namespace

std::span<const StepKind<Creation>> mount_kinds() { return kKinds; }

}  // namespace chrun
