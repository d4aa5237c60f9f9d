// What /proc tells about this process.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// The text of a file; empty where it can't be read: one thing less that is known.
std::string text_of(const std::string& path);

/// Where the mounts of this process's namespace are (proc_pid_mountinfo(5)), escapes left as they are.
std::vector<std::string> mount_points();

}  // namespace chrun
