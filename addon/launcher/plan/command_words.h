// Which words the user's command has: those of the caller, and those of the image's configuration.
#pragma once
#include <vector>

#include "launcher/plan/plan.h"

namespace chrun {

/// The caller's command, NULL-terminated, with what the plan has before it, or instead of none. Throws Error.
std::vector<char*> complete_command(const Plan& plan, const std::vector<char*>& given);

}  // namespace chrun
