// The steps by which the image becomes the root directory.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/error.h"
#include "base/records.h"
#include "launcher/files/reads_place.h"
#include "launcher/files/root.h"
#include "launcher/files/squashfs_image.h"
#include "launcher/log/log.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/look_ups.h"

namespace chrun {
namespace {

/// As root, a mount made before that would be the host's.
void require_isolation(const Creation& creation, const Step& step) {
  if (!creation.namespaces) throw Error("the plan has a " + std::string(step.kind) + " step before user-namespace");
}

/// What steps name on the host is looked up before the first mount of ours.
void begin_stage(Creation& creation) {
  if (!creation.host.is_found()) look_at_host(creation);
  creation.host.begin(creation.stage);
}

/// The image, with the directories of storage where it is named in it: [DIRECTORY DEVICE:INODE] … from field `way` on.
HostPath image_path_of(const Step& step, size_t way) {
  return judged_path(field(step, 0), std::span(step.fields).subspan(way));
}

template <size_t Way>
void check_way(Creation&, const Step& step) {
  if ((step.fields.size() - Way) % 2 != 0) refuse_fields(step);
}

/// root PATH writable|read-only …
void look_up_root(Creation& creation, const Step& step) {
  HostPath image = image_path_of(step, 2);
  const std::string action = "the image " + image.path;
  // searching is what every command needs; found out here, it has a clear name
  if (faccessat(image.start(), image.name(), X_OK, AT_EACCESS) != 0) throw Refused("access").cannot("use " + action);
  creation.host.want(&step, {std::move(image), "mount " + action});
}

/// The image needs a place among our mounts, before others can have theirs in it.
void place_image(Creation& creation) {
  const Fd slot = creation.stage.open_slot(creation.stage.make_slot());
  place_mount(creation.root.get(), slot.get(), "mount the image");
}

void root(Creation& creation, const Step& step) {
  require_isolation(creation, step);
  const std::string_view access = step.fields[1];
  if (access != "writable" && access != "read-only") {
    throw Error("unknown access '" + std::string(access) + "' in the plan");
  }
  begin_stage(creation);
  const std::string path = field(step, 0);
  creation.stage.show_image(path);
  creation.root = creation.host.take(creation.stage, &step);
  creation.writable = access == "writable";
  const bool restricted = creation.writable || restrict_tree(creation.root.get(), path, MS_RDONLY);
  place_image(creation);
  if (!restricted) restrict_one_by_one(creation.root.get(), path, MS_RDONLY);
}

/// squashfs PATH shared|private OFFSET remember-reads|- …: before the namespaces, because the file-system server must
/// not live in them.
void squashfs(Creation& creation, const Step& step) {
  const auto offset = parse_number(step.fields[2], INT64_MAX, "where the SquashFS begins");
  if (step.fields[3] != "remember-reads" && step.fields[3] != "-") refuse_fields(step);
  squashfs::SquashfsRequest request{.image = image_path_of(step, 4),
                                    .offset = offset,
                                    .look_ups = paths_to_look_up(creation),
                                    .meanwhile = [&creation] { look_up_names(creation); },
                                    .share = step.fields[1] == "shared"};
  if (step.fields[3] == "remember-reads") request.reads = [&creation] { return reads_place(creation.command); };
  creation.stage.show_image(field(step, 0));
  creation.image = serve_squashfs_image(std::move(request));
  if (!creation.image->note.empty()) log::verbose(1, creation.image->note);
}

/// A place that hides nothing, because only descriptors lead there.
constexpr std::string_view kOutOfTheWay = "/";

void look_up_place(Creation& creation, const Step& step) {
  const std::string path = field(step, 0);
  if (path == kOutOfTheWay) return;
  Fd place = open_on_host({path});
  if (!place) throw Refused("open").cannot("mount the image at " + path);
  creation.directories[&step] = std::move(place);
}

/// attach PLACE: what `squashfs` mounted becomes the image's root.
void attach(Creation& creation, const Step& step) {
  require_isolation(creation, step);
  if (!creation.image) throw Error("the plan has an attach step without a squashfs step before it");
  begin_stage(creation);
  const int slot = creation.stage.make_slot();
  squashfs::mount_served(*creation.image, creation.stage.slot_path(slot));
  creation.root = creation.stage.open_slot(slot);
  creation.image.reset();
  creation.served = true;
  const auto place = creation.directories.find(&step);
  if (place != creation.directories.end())
    place_mount(creation.root.get(), place->second.get(), "mount the image at " + field(step, 0));
}

void pivot(Creation& creation, const Step& step) {
  pivot_into(root_of(creation, step));
  creation.placed.check();
  creation.root.reset();
}

constexpr StepKind<Creation> kKinds[] = {
    {"squashfs", 4, kAnyFields, squashfs, check_way<4>},
    {"attach", 1, 1, attach, nullptr, look_up_place},
    {"root", 2, kAnyFields, root, check_way<2>, look_up_root},
    {"pivot", 0, 0, pivot},
};

}  // namespace

void look_at_host(Creation& creation) {
  for (const Step& step : creation.steps) {
    if (const auto& kind = create_kind(step); kind.look_up) kind.look_up(creation, step);
  }
  creation.host.find();
}

std::span<const StepKind<Creation>> root_kinds() { return kKinds; }

}  // namespace chrun
