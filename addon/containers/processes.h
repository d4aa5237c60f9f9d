// The processes of a container that has no control group of its own.
#pragma once
#include <vector>

#include "base/process_id.h"

namespace chrun {

/// The first process and all in its PID namespace; where that is ours, those that descend from it.
std::vector<ProcessStatus> list_processes(const ProcessId& first);

/// Whether this process is number 1 of a PID namespace: then all others there are of the same container, and end with
/// it.
bool begins_namespace(int pid);

}  // namespace chrun
