// The steps that change what the image looks like: an overlay, places for binds, files and links.
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/image_path.h"
#include "launcher/files/image_changes.h"
#include "launcher/files/libraries.h"
#include "launcher/files/mounts.h"
#include "launcher/files/overlay.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/hook_of.h"

namespace chrun {
namespace {

void look_up_upper(Creation& creation, const Step& step) {
  if (step.fields[0] == "directory" && step.fields.size() == 2)
    creation.directories[&step] = open_upper_directory(field(step, 1));
}

/// memory SIZE, directory PATH
UpperDirectory upper_of(Creation& creation, const Step& step) {
  const int root = root_of(creation, step);
  const std::string value = step.fields.size() == 2 ? field(step, 1) : std::string();
  if (step.fields[0] == "memory" && !value.empty()) return begin_upper_in_memory(creation.stage, root, value);
  if (step.fields[0] == "directory" && creation.directories[&step])
    return begin_upper_in_directory(std::move(creation.directories[&step]), root, value);
  throw Error("malformed " + std::string(step.kind) + " step '" + field(step, 0) + "' in the plan");
}

/// upper memory SIZE, upper directory PATH: what the following steps make in the image, they make there; `overlay
/// made` shows it.
void upper(Creation& creation, const Step& step) { creation.upper = upper_of(creation, step); }

ChangedImage image_of(const Creation& creation, const Step& step) {
  return {root_of(creation, step), creation.upper.directory ? creation.upper.directory.get() : -1};
}

/// overlay made, overlay memory SIZE, overlay directory PATH
void overlay(Creation& creation, const Step& step) {
  if (step.fields[0] != "made" || !creation.upper.directory) creation.upper = upper_of(creation, step);
  creation.root = put_overlay(creation.stage, root_of(creation, step), creation.upper);
  creation.upper = {};
  creation.writable = true;
}

void look_up_sources(Creation& creation, const Step& step) {
  auto& destinations = creation.destinations[&step];
  for (size_t i = 0; i + 1 < step.fields.size(); i += 2) {
    struct stat source;
    if (stat(step.fields[i].data(), &source) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) throw Refused("stat").cannot("bind " + field(step, i));
      continue;  // if it can't be examined, the bind reports that, unless it is optional
    }
    destinations.push_back({field(step, i + 1), !S_ISDIR(source.st_mode)});
  }
}

/// destinations SOURCE DESTINATION …: of the binds that follow
void destinations(Creation& creation, const Step& step) {
  const auto& all = creation.destinations[&step];
  if (creation.upper.directory) return place_destinations(image_of(creation, step), all);
  const auto make = creation.writable ? create_destinations : make_destinations;
  if (Fd root = make(creation.stage, root_of(creation, step), all)) creation.root = std::move(root);
}

/// file PATH TEXT
void file(Creation& creation, const Step& step) {
  write_in_image(root_of(creation, step), field(step, 0), field(step, 1));
}

/// links DIRECTORY TARGET NAME …
void links(Creation& creation, const Step& step) {
  std::vector<Link> all;
  for (size_t i = 1; i + 1 < step.fields.size(); i += 2) all.push_back({field(step, i), field(step, i + 1)});
  make_links(image_of(creation, step), field(step, 0), all);
}

/// libraries FOLDER NAME …
void libraries(Creation& creation, const Step& step) {
  std::vector<std::string> names(step.fields.begin() + 1, step.fields.end());
  show_libraries(image_of(creation, step), field(step, 0), names);
}

/// cuda-compat DIRECTORY DRIVER
void cuda_compat(Creation& creation, const Step& step) {
  prefer_newer_cuda(image_of(creation, step), field(step, 0), field(step, 1));
}

/// chmod MODE PATH
void chmod(Creation& creation, const Step& step) {
  const std::string mode = field(step, 0);
  if (mode.empty() || mode.size() > 4 || mode.find_first_not_of("01234567") != std::string::npos)
    throw Error("expected an octal mode, got '" + mode + "'");
  change_mode_in_image(root_of(creation, step), static_cast<mode_t>(std::stoul(mode, nullptr, 8)), field(step, 1));
}

/// Hooks see the host as it was.
void look_up_hook(Creation& creation, const Step& step) {
  creation.host.want(&step, {{"/"}, "show the host to hooks"});
}

/// hook TIMEOUT PATH COUNT ARGUMENT … VARIABLE …
void hook(Creation& creation, const Step& step) {
  const int root = root_of(creation, step);
  const Fd host = creation.host.take(creation.stage, &step),
           place = creation.stage.open_slot(creation.stage.make_slot());
  place_mount(host.get(), place.get(), "show the host to hooks");
  run_hook(host.get(), root, hook_of(step, 0));
}

void seal(Creation& creation, const Step& step) {
  restrict_mount(root_of(creation, step), "the root directory", MS_RDONLY);
}

constexpr StepKind<Creation> kKinds[] = {
    {"upper", 2, 2, upper, nullptr, look_up_upper},
    {"overlay", 1, 2, overlay, nullptr, look_up_upper},
    {"destinations", 2, kAnyFields, destinations, nullptr, look_up_sources},
    {"file", 2, 2, file},
    {"links", 3, kAnyFields, links},
    {"libraries", 2, kAnyFields, libraries},
    {"cuda-compat", 2, 2, cuda_compat},
    {"chmod", 2, 2, chmod},
    {"hook", 3, kAnyFields, hook, nullptr, look_up_hook},
    {"seal", 0, 0, seal},
};

}  // namespace

std::span<const StepKind<Creation>> image_kinds() { return kKinds; }

}  // namespace chrun
