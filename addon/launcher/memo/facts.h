// Facts: what a plan was derived from, and whether that still holds.
#pragma once
#include <string>

#include "launcher/plan/plan.h"

namespace chrun {

/// A plan maps the ids of one user: throws Error if that is not the user who runs it.
void check_user(const Plan& plan);

/// The first fact of the plan that does not hold any more, in words; empty if all hold.
std::string broken_fact(const Plan& plan);

}  // namespace chrun
