// The steps that mount something in the image: binds and file systems in memory.
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/image_path.h"
#include "launcher/plan/creation.h"

namespace chrun {
namespace {

unsigned long mount_flag(std::string_view option) {
  if (option == "read-only") return MS_RDONLY;
  if (option == "nosuid") return MS_NOSUID;
  if (option == "nodev") return MS_NODEV;
  if (option == "noexec") return MS_NOEXEC;
  throw Error("unknown bind option '" + std::string(option) + "' in the plan");
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

}  // namespace

std::string variable_source(const Creation& creation, const Step& step) {
  const std::string_view value = creation.environment.get(step.fields[0]).value_or("");
  return value.empty() ? field(step, 1) : std::string(value);
}

Bind bind_of(const Creation& creation, const Step& step) {
  if (step.kind == "bind-variable") return parse_bind(step, variable_source(creation, step), 2);
  return parse_bind(step, field(step, 0), 1);
}

namespace {

void look_up_source(Creation& creation, const Step& step) {
  const Bind bind = bind_of(creation, step);
  const bool named = step.kind == "bind-variable" && bind.source == creation.environment.get(step.fields[0]);
  const std::string where = named ? ", the value of " + field(step, 0) : "";
  creation.host.want(&step, {{bind.source}, "bind " + bind.source + where, bind.optional});
}

/// On a FUSE file system alone mounts may vanish.
void note_mount(Creation& creation, const Fd& mount, const std::string& destination) {
  if (creation.served) creation.placed.add(mount.get(), destination);
}

/// The last bind before `step` that leads there, going by names; null if there is none.
const Step* bound_above(const Creation& creation, const Step& step, const std::string& destination) {
  const Step* found = nullptr;
  for (const Step& other : creation.steps) {
    if (&other == &step) break;
    if (other.kind != "bind" && other.kind != "bind-variable") continue;
    const Bind bind = bind_of(creation, other);
    if (destination.starts_with(bind.destination + "/")) found = &other;
  }
  return found;
}

[[noreturn]] void refuse_bind(const Creation& creation, const Step& step, const Bind& wanted) {
  const Step* above = bound_above(creation, step, wanted.destination);
  throw Error("can't bind " + wanted.source + ": there is no " + wanted.destination +
                  (above ? " below the bind of " + bind_of(creation, *above).source : " in the image"),
              above && above->kind == "bind-variable" ? "make it there, or use --private-tmp" : "");
}

bool is_at_top(const std::string& path) { return path.rfind('/') == 0; }

/// The places that steps after `step` need in the image's root directory: nothing of the host is bound there.
std::vector<Destination> needed_at_top(const Creation& creation, const Step& step) {
  std::vector<Destination> all;
  for (const Step& each : creation.steps) {
    if (&each <= &step) continue;
    if (each.kind == "tmpfs") all.push_back({field(each, 0), false});
    if (each.kind != "bind" && each.kind != "bind-variable") continue;
    const Bind bind = bind_of(creation, each);
    if (!bind.optional) all.push_back({bind.destination, creation.host.holds_file(creation.stage, &each)});
  }
  std::erase_if(all, [](const Destination& each) { return !is_at_top(each.path); });
  return all;
}

/// Makes a place that every image should have, and this one lacks (/dev, /proc, /sys, /tmp): as for the binds that the
/// user asks for. Those are made before anything is mounted; here, looking first would cost every launch time. Returns
/// false where `wanted` is another place.
bool make_required(Creation& creation, const Step& step, const Destination& wanted) {
  if (!is_at_top(wanted.path)) return false;
  std::vector<Destination> all = needed_at_top(creation, step);
  all.insert(all.begin(), wanted);
  const auto make = creation.writable ? create_destinations : cover_destinations;
  try {
    Fd root = make(creation.stage, root_of(creation, step), all);
    if (!root) return true;
    creation.root = std::move(root);
  } catch (const Error& refusal) {
    throw_reworded(refusal, "there is no " + wanted.path + " in the image: " + refusal.what());
  }
  creation.placed.move_to(creation.root.get());
  return true;
}

/// bind SOURCE DESTINATION OPTION …
/// bind-variable NAME FALLBACK DESTINATION OPTION …: the source is the value of a variable, which may differ in each
/// run.
void bind(Creation& creation, const Step& step) {
  root_of(creation, step);  // refuses a step in another place
  if (!creation.host.holds(&step)) return;
  const Bind wanted = bind_of(creation, step);
  const bool file = creation.host.holds_file(creation.stage, &step);
  const auto open_place = [&] { return open_destination(root_of(creation, step), wanted, file); };
  Fd place = open_place();
  if (!place && wanted.optional) return;
  if (!place && make_required(creation, step, {wanted.destination, file})) place = open_place();
  if (!place) refuse_bind(creation, step, wanted);
  const Fd tree = creation.host.take(creation.stage, &step);
  bind_into_image(root_of(creation, step), wanted, tree.get(), std::move(place));
  note_mount(creation, tree, wanted.destination);
}

void tmpfs(Creation& creation, const Step& step) {
  const std::string destination = field(step, 0);
  const auto make = [&] {
    return tmpfs_into_image(creation.stage, root_of(creation, step), destination, field(step, 1));
  };
  Fd made = make();
  if (!made && make_required(creation, step, {destination, false})) made = make();
  if (!made) throw Error("can't mount a tmpfs: there is no " + destination + " in the image");
  note_mount(creation, made, destination);
}

constexpr StepKind<Creation> kKinds[] = {
    {"bind", 2, kAnyFields, bind, nullptr, look_up_source},
    {"bind-variable", 3, kAnyFields, bind, nullptr, look_up_source},
    {"tmpfs", 2, 2, tmpfs},
};

}  // namespace

std::span<const StepKind<Creation>> bind_kinds() { return kKinds; }

}  // namespace chrun
