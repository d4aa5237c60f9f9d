// Hooks in the fields of a step.
#pragma once
#include "base/records.h"
#include "launcher/plan/step_kind.h"
#include "launcher/process/hooks.h"

namespace chrun {

/// TIMEOUT exactly|inherit PATH COUNT ARGUMENT … VARIABLE …, from field `first` on.
inline Hook hook_of(const Step& step, size_t first) {
  const size_t count = parse_number(step.fields[first + 3], step.fields.size() - first - 4, "the number of arguments");
  const auto rest = step.fields.begin() + static_cast<ptrdiff_t>(first) + 4,
             variables = rest + static_cast<ptrdiff_t>(count);
  return {field(step, first + 2),
          {rest, variables},
          {variables, step.fields.end()},
          step.fields[first + 1] == "inherit",
          static_cast<int>(parse_number(step.fields[first], 86400, "the timeout of a hook"))};
}

}  // namespace chrun
