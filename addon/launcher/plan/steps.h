// The interpreter of plans: every kind of step is a thin function over one kernel concern.
#pragma once
#include <vector>

#include "launcher/plan/plan.h"
#include "launcher/process/environment.h"

namespace chrun {

/// Where a plan came from.
enum class Origin {
  remembered,  // of an earlier launch
  decided,     // by the CLI, for this launch
  given,       // by --plan, --no-memo, or another program
};

/// Carries out a plan; its last step makes this process the command. Returns never; throws Error.
[[noreturn]] void run_plan(const Plan& plan, Origin origin, Environment environment, std::vector<char*> command);

}  // namespace chrun
