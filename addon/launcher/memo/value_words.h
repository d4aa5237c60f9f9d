// Values of variables in words and in CH_RUN_SET_ENV: remembered plans refer to them, and do not keep them.
#pragma once
#include <string>
#include <string_view>

#include "launcher/plan/plan.h"

namespace chrun {

/// A word of the command line without the value that it sets: of `--set-env=NAME=VALUE` all up to the second `=`, of
/// any other all of it. src/run/plan/references.ts knows the same form.
std::string_view without_value(std::string_view word);

/// A variable of the environment without the values that it sets, as it stands in facts.
std::string without_values(std::string_view entry);

/// Puts the values in the place of references to them. `words` are those that the plan was made or found for, the
/// program's name first.
void fill_in_values(Plan& plan, char* const* words);

}  // namespace chrun
