// `ps`, by the host's ps(1).
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace chrun::oci {

/// The heading and these processes, as ps(1) prints them with these options. Throws Error where it prints no PIDs or
/// fails, SysError where there is no ps.
std::string list_by_ps(const std::vector<std::string>& options, const std::vector<pid_t>& processes);

}  // namespace chrun::oci
