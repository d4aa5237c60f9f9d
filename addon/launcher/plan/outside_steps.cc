// The steps of the process outside, and where the two sides meet.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/entry.h"
#include "launcher/plan/outside.h"

namespace chrun {
namespace {

constexpr std::string_view kMeet = "meet";

void meet(Outside& outside, const Step& step) { outside.sides.meet(field(step, 0)); }

/// The same step in `create`: check_sides() has seen to it that there are two sides.
void meet(Creation& creation, const Step& step) { creation.sides->meet(field(step, 0)); }

constexpr StepKind<Outside> kOutsideKinds[] = {{kMeet, 1, 1, meet}};
constexpr StepKind<Creation> kMeetKinds[] = {{kMeet, 1, 1, meet}};

const StepKind<Outside>& outside_kind(const Step& step) {
  return kind_in<Outside>({std::span<const StepKind<Outside>>(kOutsideKinds)}, step, "outside");
}

std::vector<std::string_view> meetings(const std::vector<Step>& steps) {
  std::vector<std::string_view> names;
  for (const Step& step : steps) {
    if (step.kind == kMeet && step.fields.size() == 1) names.push_back(step.fields[0]);
  }
  return names;
}

void require_in(const std::vector<std::string_view>& some, const std::vector<std::string_view>& others,
                const char* list) {
  for (const auto name : some) {
    if (std::ranges::count(some, name) > std::ranges::count(others, name))
      throw Error("the plan has 'meet " + std::string(name) + "' in the list '" + list + "' only");
  }
}

}  // namespace

std::span<const StepKind<Creation>> meet_kinds() { return kMeetKinds; }

void check_sides(const Plan& plan) {
  const auto outside = meetings(plan.outside), create = meetings(plan.create);
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

void stay_outside(Outside outside) {
  for (const Step& step : outside.steps) act(outside_kind(step), outside, step);
  outside.sides.end_as_container();
}

}  // namespace chrun
