// The steps that create a container.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "base/error.h"
#include "base/proc.h"
#include "base/records.h"
#include "launcher/files/binds.h"
#include "launcher/files/image_path.h"
#include "launcher/files/mounts.h"
#include "launcher/files/root.h"
#include "launcher/files/squashfs_image.h"
#include "launcher/join/join_rules.h"
#include "launcher/log/log.h"
#include "launcher/plan/launch.h"
#include "launcher/plan/look_ups.h"
#include "launcher/process/namespaces.h"
#include "launcher/process/user_ns.h"

namespace chrun {
namespace {

constexpr unsigned kLargestId = 0xfffffffe;  // 2³²−1 means "no id" to the kernel

IdMap id_map(std::string_view pair) {
  const size_t colon = pair.find(':');
  if (colon == std::string_view::npos)
    throw Error("expected INSIDE:OUTSIDE for an id map, got '" + std::string(pair) + "'");
  return {static_cast<unsigned>(parse_number(pair.substr(0, colon), kLargestId, "an id inside")),
          static_cast<unsigned>(parse_number(pair.substr(colon + 1), kLargestId, "an id outside"))};
}

unsigned id(std::string_view text) { return static_cast<unsigned>(parse_number(text, kLargestId, "an id")); }

/// The names for an identity step to come are looked up before the namespaces: who is asked for them must not be moved
/// into the image by pivot_root(2), as all processes of a mount namespace are.
void look_up_names(Launch& launch) {
  for (const Step& step : launch.plan.create) {
    if (step.kind == "identity") launch.identity.emplace(id(step.fields[0]), id(step.fields[1]));
  }
}

/// As root, a mount made before that would be the host's.
void require_isolation(const Launch& launch, const Step& step) {
  if (!launch.namespaces) throw Error("the plan has a " + std::string(step.kind) + " step before user-namespace");
}

/// What steps name on the host: before the first mount of ours.
void look_at_host(Launch& launch) {
  for (const Step& step : launch.plan.create) {
    if (const StepKind& kind = kind_of(step); kind.look_up) kind.look_up(launch, step);
  }
  launch.host.find(launch.stage);
}

/// PATH MODE [DIRECTORY DEVICE:INODE] …: with the directories of storage, where the image is named in it.
HostPath image_path_of(const Step& step) { return judged_path(field(step, 0), std::span(step.fields).subspan(2)); }

void check_way(Launch&, const Step& step) {
  if (step.fields.size() % 2 != 0) refuse_fields(step);
}

/// root PATH writable|read-only …
void look_up_root(Launch& launch, const Step& step) {
  HostPath image = image_path_of(step);
  const std::string action = "the image " + image.path;
  // searching is what every command needs; found out here, it has a clear name
  if (faccessat(image.start(), image.name(), X_OK, AT_EACCESS) != 0) throw Refused("access").cannot("use " + action);
  launch.host.want(&step, {std::move(image), "mount " + action});
}

/// The image needs a place among our mounts, before others can have theirs in it.
void place_image(Launch& launch) {
  const Fd slot = launch.stage.open_slot(launch.stage.make_slot());
  place_mount(launch.root.get(), slot.get(), "mount the image");
}

void root(Launch& launch, const Step& step) {
  require_isolation(launch, step);
  const std::string_view access = step.fields[1];
  if (access != "writable" && access != "read-only") {
    throw Error("unknown access '" + std::string(access) + "' in the plan");
  }
  look_at_host(launch);
  const std::string path = field(step, 0);
  launch.root = launch.host.take(launch.stage, &step);
  launch.writable = access == "writable";
  const bool restricted = launch.writable || restrict_tree(launch.root.get(), path, MS_RDONLY);
  place_image(launch);
  if (!restricted) restrict_one_by_one(launch.root.get(), path, MS_RDONLY);
}

/// squashfs PATH shared|private …: before the namespaces, because the file-system server must not live in them.
void squashfs(Launch& launch, const Step& step) {
  launch.image = serve_squashfs_image(image_path_of(step), step.fields[1] == "shared", paths_to_look_up(launch));
}

/// A place that hides nothing, because only descriptors lead there.
constexpr std::string_view kOutOfTheWay = "/";

void look_up_place(Launch& launch, const Step& step) {
  const std::string path = field(step, 0);
  if (path == kOutOfTheWay) return;
  Fd place = open_on_host({path});
  if (!place) throw Refused("open").cannot("mount the image at " + path);
  launch.directories[&step] = std::move(place);
}

/// attach PLACE: what `squashfs` mounted becomes the image's root.
void attach(Launch& launch, const Step& step) {
  require_isolation(launch, step);
  if (!launch.image) throw Error("the plan has an attach step without a squashfs step before it");
  look_at_host(launch);
  const int slot = launch.stage.make_slot();
  squashfs::mount_served(*launch.image, launch.stage.slot_path(slot));
  launch.root = launch.stage.open_slot(slot);
  launch.image.reset();
  launch.served = true;
  const auto place = launch.directories.find(&step);
  if (place != launch.directories.end())
    place_mount(launch.root.get(), place->second.get(), "mount the image at " + field(step, 0));
}

unsigned long mount_flag(std::string_view option) {
  if (option == "read-only") return MS_RDONLY;
  if (option == "nosuid") return MS_NOSUID;
  if (option == "nodev") return MS_NODEV;
  if (option == "noexec") return MS_NOEXEC;
  throw Error("unknown bind option '" + std::string(option) + "' in the plan");
}

std::string variable_source(const Launch& launch, const Step& step) {
  const std::string_view value = launch.environment.get(step.fields[0]).value_or("");
  return value.empty() ? field(step, 1) : std::string(value);
}

/// SOURCE DESTINATION OPTION …: the fields from `destination` on.
Bind parse_bind(const Step& step, std::string source, size_t destination) {
  Bind bind{std::move(source), field(step, destination)};
  for (size_t i = destination + 1; i < step.fields.size(); i++) {
    if (step.fields[i] == "optional")
      bind.optional = true;
    else if (step.fields[i] == "create")
      bind.create = true;
    else
      bind.flags |= mount_flag(step.fields[i]);
  }
  return bind;
}

Bind bind_of(const Launch& launch, const Step& step) {
  if (step.kind == "bind-variable") return parse_bind(step, variable_source(launch, step), 2);
  return parse_bind(step, field(step, 0), 1);
}

void look_up_source(Launch& launch, const Step& step) {
  const Bind bind = bind_of(launch, step);
  const bool named = step.kind == "bind-variable" && bind.source == launch.environment.get(step.fields[0]);
  const std::string where = named ? ", the value of " + field(step, 0) : "";
  launch.host.want(&step, {{bind.source}, "bind " + bind.source + where, bind.optional});
}

/// On a FUSE file system alone mounts may vanish.
void note_mount(Launch& launch, const Fd& mount, const std::string& destination) {
  if (launch.served) launch.placed.add(mount.get(), destination);
}

/// The last bind before `step` that leads there, going by names; null if there is none.
const Step* bound_above(const Launch& launch, const Step& step, const std::string& destination) {
  const Step* found = nullptr;
  for (const Step& other : launch.plan.create) {
    if (&other == &step) break;
    if (other.kind != "bind" && other.kind != "bind-variable") continue;
    const Bind bind = bind_of(launch, other);
    if (destination.starts_with(bind.destination + "/")) found = &other;
  }
  return found;
}

[[noreturn]] void refuse_bind(const Launch& launch, const Step& step, const Bind& wanted) {
  const Step* above = bound_above(launch, step, wanted.destination);
  throw Error("can't bind " + wanted.source + ": there is no " + wanted.destination +
                  (above ? " below the bind of " + bind_of(launch, *above).source : " in the image"),
              above && above->kind == "bind-variable" ? "make it there, or use --private-tmp" : "");
}

bool is_at_top(const std::string& path) { return path.rfind('/') == 0; }

/// The places that steps after `step` need in the image's root directory: nothing of the host is bound there.
std::vector<Destination> needed_at_top(const Launch& launch, const Step& step) {
  std::vector<Destination> all;
  for (const Step& each : launch.plan.create) {
    if (&each <= &step) continue;
    if (each.kind == "tmpfs") all.push_back({field(each, 0), false});
    if (each.kind != "bind" && each.kind != "bind-variable") continue;
    const Bind bind = bind_of(launch, each);
    if (!bind.optional) all.push_back({bind.destination, launch.host.holds_file(launch.stage, &each)});
  }
  std::erase_if(all, [](const Destination& each) { return !is_at_top(each.path); });
  return all;
}

/// Makes a place that every image should have, and this one lacks (/dev, /proc, /sys, /tmp): as for the binds that the
/// user asks for. Those are made before anything is mounted; here, looking first would cost every launch time. Returns
/// false where `wanted` is another place.
bool make_required(Launch& launch, const Step& step, const Destination& wanted) {
  if (!is_at_top(wanted.path)) return false;
  std::vector<Destination> all = needed_at_top(launch, step);
  all.insert(all.begin(), wanted);
  const auto make = launch.writable ? create_destinations : cover_destinations;
  try {
    Fd root = make(launch.stage, root_of(launch, step), all);
    if (!root) return true;
    launch.root = std::move(root);
  } catch (const Error& refusal) {
    throw_reworded(refusal, "there is no " + wanted.path + " in the image: " + refusal.what());
  }
  launch.placed.move_to(launch.root.get());
  return true;
}

/// bind SOURCE DESTINATION OPTION …
/// bind-variable NAME FALLBACK DESTINATION OPTION …: the source is the value of a variable, which may differ in each
/// run.
void bind(Launch& launch, const Step& step) {
  root_of(launch, step);  // refuses a step in another place
  const Fd tree = launch.host.take(launch.stage, &step);
  if (!tree) return;
  const Bind wanted = bind_of(launch, step);
  const auto place = [&] {
    if (!bind_into_image(root_of(launch, step), wanted, tree.get())) return false;
    note_mount(launch, tree, wanted.destination);
    return true;
  };
  if (place() || wanted.optional) return;
  const bool file = file_type(tree.get(), wanted.source) != S_IFDIR;
  if (make_required(launch, step, {wanted.destination, file}) && place()) return;
  refuse_bind(launch, step, wanted);
}

/// Where a bind lies over the root directory itself, the kernel takes that for a chroot, in which there are no user
/// namespaces. Looking for it before would cost every launch time. Throws Error.
void look_for_covered_root(const Launch& launch) {
  const auto table = mount_table();
  const Fd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root || std::ranges::count(table, "/", &MountEntry::place) < 2) return;
  for (const Step& step : launch.plan.create) {
    if (step.kind != "bind" && step.kind != "bind-variable") continue;
    const Bind bind = bind_of(launch, step);
    const Fd place = open_in_image(root.get(), bind.destination);
    if (place && path_of(place.get()) == "/")
      throw Error("can't bind " + bind.source + " to " + bind.destination + ": that is the root directory");
  }
}

NamespaceSet flag_of(std::string_view name) {
  const auto kind = std::ranges::find(kNamespaceKinds, name, &NamespaceKind::name);
  if (kind != kNamespaceKinds.end()) return kind->flag;
  throw Error("unknown namespace '" + std::string(name) + "' in the plan");
}

/// user-namespace UID GID NAMESPACE …
void user_namespace(Launch& launch, const Step& step) {
  if (!launch.namespaces) look_up_names(launch);
  NamespaceSet set = kEveryContainer;
  for (size_t i = 2; i < step.fields.size(); i++) set |= flag_of(step.fields[i]);
  try {
    make_namespaces(set, id_map(step.fields[0]), id_map(step.fields[1]));
  } catch (const SysError& refusal) {
    if (launch.namespaces && refusal.code() == EPERM) look_for_covered_root(launch);
    throw;
  }
  launch.namespaces |= set;
}

/// hostname NAME
void hostname(Launch& launch, const Step& step) {
  // as root, it would be the host's
  if (!(launch.namespaces & CLONE_NEWUTS))
    throw Error("the plan has a hostname step that is not in a UTS namespace of its own");
  if (sethostname(step.fields[0].data(), step.fields[0].size()) != 0)
    throw Refused("sethostname").cannot("call the machine " + field(step, 0));
  launch.environment.set("HOSTNAME", step.fields[0]);
}

/// Who enters a container finds it as its first process does.
void note_entry(Launch& launch, NamespaceSet namespaces) {
  launch.namespaces = namespaces;
  launch.entered = true;
  utsname names;
  if ((namespaces & CLONE_NEWUTS) && uname(&names) == 0) launch.environment.set("HOSTNAME", names.nodename);
}

void tmpfs(Launch& launch, const Step& step) {
  const std::string destination = field(step, 0);
  const auto make = [&] { return tmpfs_into_image(launch.stage, root_of(launch, step), destination, field(step, 1)); };
  Fd made = make();
  if (!made && make_required(launch, step, {destination, false})) made = make();
  if (!made) throw Error("can't mount a tmpfs: there is no " + destination + " in the image");
  note_mount(launch, made, destination);
}

/// identity UID GID [HOME]
void identity(Launch& launch, const Step& step) {
  const int root = root_of(launch, step);
  if (!launch.identity) throw Error("the plan has an identity step that is not between user-namespace and pivot");
  launch.identity->bind(launch.stage, root);
}

void pivot(Launch& launch, const Step& step) {
  launch.placed.check(root_of(launch, step));
  pivot_into(root_of(launch, step));
  launch.root.reset();
}

/// What the steps that create the container come to, for comparison between peers: their variables may differ.
std::string create_content(const Launch& launch) {
  std::string content;
  for (const Step& step : launch.plan.create) {
    if (step.kind == "join") continue;
    content += to_words(step);
    if (step.kind == "bind-variable") content += " = " + variable_source(launch, step);
    content += '\0';
  }
  return content;
}

/// A rank number that the count has no place for. Only where all ranks of the node are in one group.
void check_rank(const Environment& environment, int count) {
  const auto rank = local_rank(environment);
  if (!rank || *rank < count) return;
  throw Error("--join: the group has no room for rank " + std::to_string(*rank) +
                  " of this node (counted from 0): the count is " + std::to_string(count),
              "is the count right? (--join-ct)");
}

/// join COUNT|environment TIMEOUT [TAG]
void join(Launch& launch, const Step& step) {
  JoinRequest request;
  const bool derived = step.fields[0] == "environment";
  request.count = derived ? derive_join_count(launch.environment)
                          : static_cast<int>(parse_number(step.fields[0], INT_MAX, "the number of peers"));
  if (request.count == 0) throw Error("the number of peers is 0");
  request.timeout = static_cast<int>(parse_number(step.fields[1], INT_MAX, "the join timeout"));
  const bool same_parent = step.fields.size() < 3;
  if (same_parent) check_rank(launch.environment, request.count);
  request.tag = same_parent ? derive_join_tag(launch.environment, getppid()) : field(step, 2);
  request.starter = [&launch, same_parent] { return find_starter(launch.environment, same_parent); };
  log::verbose(1, "join group " + request.tag + " of " + std::to_string(request.count));
  if (request.count == 1) return sweep_abandoned_groups();  // nobody to share with
  request.content = create_content(launch);
  launch.group.emplace(std::move(request));
  if (launch.group->won()) return;
  note_entry(launch, launch.group->enter());
}

void join_pid(Launch& launch, const Step& step) {
  note_entry(launch, join_process(static_cast<int>(parse_number(step.fields[0], INT_MAX, "a process number"))));
}

constexpr StepKind kKinds[] = {
    {"join", 2, 3, join},
    {"join-pid", 1, 1, join_pid},
    {"user-namespace", 2, 2 + kNamespaceKinds.size(), user_namespace},
    {"hostname", 1, 1, hostname},
    {"squashfs", 2, kAnyFields, squashfs, check_way},
    {"attach", 1, 1, attach, nullptr, look_up_place},
    {"root", 2, kAnyFields, root, check_way, look_up_root},
    {"bind", 2, kAnyFields, bind, nullptr, look_up_source},
    {"bind-variable", 3, kAnyFields, bind, nullptr, look_up_source},
    {"tmpfs", 2, 2, tmpfs},
    {"identity", 2, 3, identity},
    {"pivot", 0, 0, pivot},
};

}  // namespace

std::span<const StepKind> create_kinds() { return kKinds; }

}  // namespace chrun
