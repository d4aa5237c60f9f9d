// The steps that put an OCI container into control groups, and limit what it uses.
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/proc.h"
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

/// Nothing is delegated to this user.
bool is_refusal(const SysError& failure) {
  const int code = failure.code();
  return code == EACCES || code == EPERM || code == EROFS || code == ENOENT || code == ENOTSUP;
}

/// False where it is done without that group.
bool is_had(Outside& outside, const WantedGroup& wanted, auto action) {
  try {
    action();
    return true;
  } catch (const SysError& refusal) {
    if (!is_refusal(refusal)) throw;
    if (wanted.must) throw refusal.hinted("limits of linux.resources need control groups that this user may change");
    if (wanted.asked) outside.refusal = refusal.what();
  }
  // what was there before is somebody else's
  if (!wanted.group.made.empty()) remove_groups({wanted.group});
  std::erase_if(outside.groups, [&](const Group& each) { return each.directory() == wanted.group.directory(); });
  if (!outside.refusal.empty() && outside.groups.empty())
    log::warning("the container stays in the control group of its caller: " + outside.refusal);
  return false;
}

/// Born there, or put there by systemd.
bool is_there(const Outside& outside, const Group& group) {
  if (!group.is_unified() || outside.scope.empty()) return group.is_unified() && outside.sides->is_in_group();
  const std::string table = text_of("/proc/" + std::to_string(outside.sides->child()) + "/cgroup");
  return group_in(table, "") == group.path;
}

/// A user who calls from a session that systemd keeps apart may not move a process into the scope, cgroups(7).
void join_or_warn(const Outside& outside, const Group& group) {
  try {
    join_group_of(group, outside.first, outside.sides->child());
  } catch (const SysError& refusal) {
    if (refusal.code() != EACCES && refusal.code() != EPERM) throw;
    log::warning(std::string("the process stays in the control group of its caller: ") + refusal.what());
  }
}

/// The container's side is going to be in it.
void want(Outside& outside, const WantedGroup& wanted) {
  const bool is_born = outside.sides == nullptr && outside.birthplace.add(wanted.group);
  // whether the kernel allows it is known later
  if (!is_born || wanted.group.is_unified()) outside.joining.push_back(wanted);
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
    all.push_back({{field(step, i),
                    field(step, i + 1),
                    scoped ? outside.scope : field(step, i + 2),
                    {},
                    scoped ? outside.unit : ""},
                   step.fields[i + 3] == "must",
                   step.fields[i + 3] == "asked"});
    if (!scoped) look_at_group(all.back().group);
  }
  // from here on they are ours to remove
  for (const WantedGroup& each : all) outside.groups.push_back(each.group);
  container_of(outside).save_groups(outside.groups);
  for (const WantedGroup& each : all) {
    if (is_had(outside, each, [&] { make_group(each.group, controllers); })) want(outside, each);
  }
  container_of(outside).save_groups(outside.groups);
  if (outside.sides != nullptr) join_groups(outside);
}

/// `PATH` or `CONTROLLER,…:PATH` below a container's control group.
struct Subgroup {
  explicit Subgroup(std::string_view word) {
    const size_t colon = word.find(':');
    if (colon != word.npos) controllers = word.substr(0, colon);
    path = "/" + std::string(colon == word.npos ? word : word.substr(colon + 1));
    if ((path + "/").find("/../") != std::string::npos)
      throw Error("expected a control group below the container's, got '" + std::string(word) + "'");
  }
  /// Whether it is below this group.
  bool is_of(const Group& group) const {
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) {
      if (!group.has(name)) return false;
    }
    return true;
  }

  std::string controllers, path;
};

/// The container's groups, or those of `words` below them. Throws Error where a word is of none of them.
Groups wanted_groups(Groups groups, std::span<const std::string_view> words) {
  for (const std::string_view word : words) {
    const Subgroup wanted(word);
    bool found = false;
    for (Group& group : groups) {
      if (wanted.is_of(group)) found = true, group.path += wanted.path;
    }
    if (!found) throw Error("the container has no control group of " + wanted.controllers);
  }
  return groups;
}

/// enter-groups ROOT ID refuse|accept GROUP …: those of a container that is entered; accept a paused one.
void enter_groups(Outside& outside, const Step& step) {
  const Container container = Container::open(field(step, 0), field(step, 1));
  const Json saved = container.state();
  const Status status = container.status(saved);
  const bool accepts_paused = step.fields[2] == "accept";
  if (status != Status::running && status != Status::created && !(status == Status::paused && accepts_paused))
    throw Error("can't run a process in container " + container.id() + ": it is " + status_word(status));
  outside.first = Container::process(saved).pid;
  for (const Group& group : wanted_groups(container.groups(), std::span(step.fields).subspan(3)))
    want(outside, {group});
  if (outside.sides != nullptr) join_groups(outside);
}

/// scope UNIT system|user must|asked COUNT PROPERTY …: the groups are where systemd has made them.
void scope(Outside& outside, const Step& step) {
  const size_t count = parse_number(step.fields[3], 100, "a number of properties");
  const std::vector<std::string> properties(step.fields.begin() + 4, step.fields.end());
  try {
    outside.unit = field(step, 1) + " " + field(step, 0);
    outside.scope = start_scope({field(step, 0), step.fields[1] == "user", properties, count}, outside.sides->child());
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
    {"enter-groups", 3, kAnyFields, enter_groups},
};

}  // namespace

bool is_born_in_groups(const Outside& outside) {
  return std::ranges::all_of(outside.joining, [&](const WantedGroup& each) { return is_there(outside, each.group); });
}

void join_groups(Outside& outside) {
  const size_t before = outside.groups.size();
  for (const WantedGroup& each : std::exchange(outside.joining, {})) {
    if (is_there(outside, each.group)) continue;
    if (outside.first != 0)
      join_or_warn(outside, each.group);
    else
      is_had(outside, each, [&] { join_group(each.group, outside.sides->child()); });
  }
  if (outside.groups.size() != before) container_of(outside).save_groups(outside.groups);
}

std::span<const StepKind<Outside>> group_kinds() { return kKinds; }

}  // namespace chrun
