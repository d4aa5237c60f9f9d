// What to do about a refusal: the kernel's errno values mislead, so one table turns them into advice.
#pragma once
#include <string>

#include "base/error.h"

namespace chrun {

/// The advice for this failure, or an empty string: its own hint if it has one, else the table's.
std::string hint_for(const Error& failure);

}  // namespace chrun
