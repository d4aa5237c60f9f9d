// Starts a program that is not a child of the caller.
#pragma once
#include <string>
#include <vector>

#include "base/own_path.h"

namespace chrun::squashfs {

/// Starts `program` with an empty environment and the descriptors `inherited` (all others that are close-on-exec are
/// closed). It becomes a child of init or of the nearest subreaper: this process neither sees it in wait(2) nor gets
/// SIGCHLD for it. Throws SysError where it can't be started.
void spawn_orphan(const Program& program, const std::vector<std::string>& arguments, const std::vector<int>& inherited);

}  // namespace chrun::squashfs
