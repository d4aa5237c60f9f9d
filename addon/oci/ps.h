// The processes of a container.
#pragma once
#include <vector>

#include "base/process_id.h"

namespace chrun::oci {

/// The first process and all in its PID namespace; where that is ours, those that descend from it.
std::vector<ProcessStatus> list_processes(const ProcessId& first);

}  // namespace chrun::oci
