// The steps that put an OCI container into control groups, and limit what it uses.
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/records.h"
#include "launcher/log/log.h"
#include "launcher/parent/device_filter.h"
#include "launcher/parent/scope.h"
#include "launcher/plan/outside.h"

namespace chrun {
namespace {

const Container& container_of(const Outside& outside) {
  if (!outside.container) throw Error("the plan has a step that needs a container step before it");
  return *outside.container;
}

struct WantedGroup {
  Group group;
  bool must, asked;
};

/// Nothing is delegated to this user.
bool is_refusal(const SysError& failure) {
  const int code = failure.code();
  return code == EACCES || code == EPERM || code == EROFS || code == ENOENT || code == ENOTSUP;
}

/// False, with the reason, where it is done without.
bool make_and_join(const Outside& outside, const WantedGroup& wanted, const std::vector<std::string>& controllers,
                   std::string& reason) {
  try {
    make_group(wanted.group, controllers);
    join_group(wanted.group, outside.sides.child());
    return true;
  } catch (const SysError& refusal) {
    if (!is_refusal(refusal)) throw;
    if (wanted.must) throw refusal.hinted("limits of linux.resources need control groups that this user may change");
    if (wanted.asked) reason = refusal.what();
    return false;
  }
}

/// groups COUNT ENABLED … and CONTROLLERS MOUNT PATH must|asked|may for each.
void groups(Outside& outside, const Step& step) {
  const size_t count = parse_number(step.fields[0], step.fields.size() - 1, "a number of controllers");
  const std::vector<std::string> controllers(step.fields.begin() + 1,
                                             step.fields.begin() + 1 + static_cast<long>(count));
  std::vector<WantedGroup> all;
  for (size_t i = count + 1; i + 3 < step.fields.size(); i += 4) {
    const bool scoped = step.fields[i + 2].empty();
    // systemd has not made one, and it is done without
    if (scoped && outside.scope.empty()) continue;
    all.push_back({{field(step, i), field(step, i + 1), scoped ? outside.scope : field(step, i + 2), {}},
                   step.fields[i + 3] == "must",
                   step.fields[i + 3] == "asked"});
    if (!scoped) look_at_group(all.back().group);
  }
  // from here on they are ours to remove
  for (const WantedGroup& each : all) outside.groups.push_back(each.group);
  container_of(outside).save_groups(outside.groups);
  Groups made;
  std::string reason;
  for (const WantedGroup& each : all) {
    if (make_and_join(outside, each, controllers, reason))
      made.push_back(each.group);
    else
      remove_groups({each.group});
  }
  if (!reason.empty() && made.empty())
    log::warning("the container stays in the control group of its caller: " + reason);
  outside.groups = made;
  container_of(outside).save_groups(made);
}

/// scope UNIT system|user must|asked COUNT PROPERTY …: the groups are where systemd has made them.
void scope(Outside& outside, const Step& step) {
  const size_t count = parse_number(step.fields[3], 100, "a number of properties");
  const std::vector<std::string> properties(step.fields.begin() + 4, step.fields.end());
  try {
    outside.scope = start_scope({field(step, 0), step.fields[1] == "user", properties, count}, outside.sides.child());
  } catch (const Error& failure) {
    if (step.fields[2] == "must") throw;
    log::warning("the container stays in the control group of its caller: " + std::string(failure.what()));
  }
}

/// Of version 1 with a controller, or of version 2; none if the container does without.
const Group* group_with(const Outside& outside, std::string_view controller) {
  const auto found = std::ranges::find_if(outside.groups, [&](const Group& group) {
    return controller.empty() ? group.is_unified() : group.has(controller);
  });
  return found == outside.groups.end() ? nullptr : &*found;
}

/// group-setting CONTROLLER must|may FILE VALUE …
void group_setting(Outside& outside, const Step& step) {
  const Group* group = group_with(outside, step.fields[0]);
  if (group == nullptr) return;
  for (size_t i = 2; i + 1 < step.fields.size(); i += 2) {
    const std::string file = group->file(field(step, i));
    if (access(file.c_str(), F_OK) == 0) return write_setting(file, field(step, i + 1));
  }
  if (step.fields[1] == "may") return;
  throw Error("can't set " + field(step, 2) + " to '" + field(step, 3) + "': the control group " + group->directory() +
              " has no such setting");
}

/// group-devices PROGRAM
void group_devices(Outside& outside, const Step& step) {
  if (const Group* group = group_with(outside, "")) filter_devices(group->directory(), step.fields[0]);
}

/// watch-memory ROOT ID: a process that is killed from here on may have run out of memory.
void watch_memory(Outside& outside, const Step& step) {
  const auto container = Container::open_if_any(field(step, 0), field(step, 1));
  if (container) outside.watched = container->groups();
  outside.kills = memory_kills(outside.watched);
}

constexpr StepKind<Outside> kKinds[] = {
    {"scope", 4, kAnyFields, scope},
    {"groups", 1, kAnyFields, groups},
    {"group-setting", 4, kAnyFields, group_setting},
    {"group-devices", 1, 1, group_devices},
    {"watch-memory", 2, 2, watch_memory},
};

}  // namespace

std::span<const StepKind<Outside>> group_kinds() { return kKinds; }

}  // namespace chrun
