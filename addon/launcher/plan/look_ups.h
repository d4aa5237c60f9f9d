// What a launch is going to look up in its image.
#pragma once
#include <string>
#include <vector>

#include "launcher/plan/creation.h"

namespace chrun {

/// The guest paths where it mounts something, and where its command may be.
std::vector<std::string> paths_to_look_up(const Creation& creation);

}  // namespace chrun
