// The steps of the process outside, and where the two sides meet.
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "launcher/log/log.h"
#include "launcher/parent/scope.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/entry.h"
#include "launcher/plan/outside.h"

namespace chrun {
namespace {

constexpr std::string_view kMeet = "meet";

void meet(Outside& outside, const Step& step) { outside.sides->meet(field(step, 0)); }

/// The same step in `create`: check_sides() has seen to it that there are two sides.
void meet(Creation& creation, const Step& step) { creation.sides->meet(field(step, 0)); }

/// In both lists, in the same order: there one side waits for the other.
constexpr std::string_view kMeetings[] = {kMeet, "pass", "init", "part"};

bool is_meeting(const Step& step) { return std::ranges::count(kMeetings, step.kind) > 0; }

constexpr StepKind<Outside> kOutsideKinds[] = {{kMeet, 1, 1, meet}};
constexpr StepKind<Creation> kMeetKinds[] = {{kMeet, 1, 1, meet}};

const StepKind<Outside>& outside_kind(const Step& step) {
  return kind_in<Outside>(
      {std::span<const StepKind<Outside>>(kOutsideKinds), runtime_kinds(), group_kinds(), outside_criu_kinds()}, step,
      "outside");
}

/// `entering`: of the list `enter`, whose gate is for others to open.
std::vector<std::string> meetings(const std::vector<Step>& steps, bool entering = false) {
  std::vector<std::string> names;
  for (const Step& step : steps) {
    if (entering ? step.kind == "part" : is_meeting(step)) names.push_back(to_words(step));
  }
  return names;
}

void require_in(const std::vector<std::string>& some, const std::vector<std::string>& others, const char* list) {
  for (const auto& name : some) {
    if (std::ranges::count(some, name) > std::ranges::count(others, name))
      throw Error("the plan has '" + name + "' in the list '" + list + "' only");
  }
}

}  // namespace

std::span<const StepKind<Creation>> meet_kinds() { return kMeetKinds; }

void check_sides(const Plan& plan) {
  const auto outside = meetings(plan.outside), parted = meetings(plan.enter, true);
  auto create = meetings(plan.create);
  create.insert(create.end(), parted.begin(), parted.end());
  require_in(outside, create, "outside");
  require_in(create, outside, "create");
  if (outside != create) throw Error("the lists 'outside' and 'create' of the plan meet in different orders");
  if (plan.outside.empty()) return;
  // nothing is done outside before all is known to be sound
  for (const Step& step : plan.outside) outside_kind(step);
  for (const Step& step : plan.enter) enter_kind(step);
  for (const Step& step : plan.create) {
    create_kind(step);
    if (step.kind == "join" || step.kind == "join-pid")
      throw Error("the plan has a " + std::string(step.kind) +
                  " step, by which a process may enter a container that is " +
                  "there already, and a list 'outside', which waits for one to be made");
  }
}

namespace {

/// What is done before the container's side is there: so that this is born in its control groups.
constexpr std::string_view kAlone[] = {"container",     "notices",      "groups",      "group-setting",
                                       "group-devices", "watch-memory", "enter-groups"};

/// The container is not there, or not whole: nothing is left of it.
void undo(Outside& outside) {
  outside.criu.reset();
  if (outside.sides != nullptr) outside.sides->kill_container();
  try {
    stop_scopes(outside.groups);
    remove_groups(outside.groups);
    if (outside.container) outside.container->remove();
  } catch (const Error& failure) {
    log::warning(failure.what());
  }
}

/// The kernel kills silently when memory runs out. In a container that is entered, it may have killed another process.
std::string memory_words(const Outside& outside) {
  constexpr const char* kReason = "the memory limit of its control group was reached";
  if (memory_kills(outside.groups) > 0) return std::string(": ") + kReason;
  return memory_kills(outside.watched) > outside.kills ? std::string(": possibly because ") + kReason : "";
}

/// 128 and the number of the signal, as a shell has it.
int status_of(int ended) { return WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended); }

}  // namespace

void begin_outside(Outside& outside) {
  const auto next = [&]() -> const Step& { return outside.steps[outside.done]; };
  try {
    for (; outside.done < outside.steps.size() && std::ranges::count(kAlone, next().kind) > 0; outside.done++)
      act(outside_kind(next()), outside, next());
  } catch (const Error&) {
    undo(outside);
    throw;
  }
}

void stay_outside(Outside& outside) {
  try {
    if (!is_born_in_groups(outside)) {
      join_groups(outside);
      outside.sides->meet(kControlGroups);
    }
    for (const Step& step : std::span(outside.steps).subspan(outside.done)) act(outside_kind(step), outside, step);
    if (!outside.ended && !outside.parted) outside.sides->end_as_container();
  } catch (const Error& failure) {
    // what goes wrong later is for others to clean up
    if (outside.ended) throw;
    const std::string reason = memory_words(outside);
    undo(outside);
    if (reason.empty()) throw;
    throw_reworded(failure, failure.what() + reason);
  }
  log::settle();
  _exit(outside.ended ? status_of(*outside.ended) : 0);
}

}  // namespace chrun
