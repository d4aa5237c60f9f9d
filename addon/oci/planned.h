// What is done by a plan: one that is remembered, or one that is made now.
#pragma once
#include "launcher/plan/plan.h"
#include "oci/request.h"

namespace chrun::oci {

/// Finds the plan of `create`, `run` or `exec` in memory, or has it made with names for what always differs and
/// remembers it. Returns how: "remembered" or "decided"; or nothing if it must be decided as a whole, also to say what
/// is wrong with it. `program`: as it was called.
const char* plan_by_names(Plan& plan, const char* program, const Request& request);

}  // namespace chrun::oci
