// How a container is made: by a remembered plan, or by one that is made now.
#pragma once
#include <string>
#include <vector>

#include "launcher/plan/plan.h"
#include "oci/request.h"

namespace chrun::oci {

/// Finds the plan of `create` or `run` in memory, or has it made with names for what always differs and remembers it.
/// `words`: the command line before. Returns how: "remembered" or "decided"; or nothing if it must be decided as a
/// whole, also to say what is wrong with it.
const char* plan_by_names(Plan& plan, const char* program, const Request& request);

}  // namespace chrun::oci
