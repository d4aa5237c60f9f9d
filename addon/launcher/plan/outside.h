// The list `outside`: what the process does that stays outside of the container while that is made.
#pragma once
#include "launcher/plan/step_kind.h"
#include "launcher/process/sides.h"

namespace chrun {

/// What the steps of this list share.
struct Outside {
  const std::vector<Step>& steps;
  Sides& sides;
};

/// Throws Error where one of the lists has a step that it can't have, or one that the other side waits for in vain.
void check_sides(const Plan& plan);

/// Carries out the list, and ends as the container's first process does. Throws Error.
[[noreturn]] void stay_outside(Outside outside);

}  // namespace chrun
