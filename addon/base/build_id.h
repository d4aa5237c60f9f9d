// Which build of this program it is.
#pragma once
#include <string>

namespace chrun {

/// What the linker has made of all that went into this program, as digits; empty where it has left that out.
std::string build_id();

}  // namespace chrun
