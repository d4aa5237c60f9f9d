// What /proc tells about this process.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// The text of a file; empty where it can't be read: one thing less that is known.
std::string text_of(const std::string& path);

/// A mount of this process's namespace: its number, and its place, seen from the root directory.
struct MountEntry {
  std::string id, place;
};
std::vector<MountEntry> mount_table();  // proc_pid_mountinfo(5)

/// The number of the mount that an open file is on; empty if that can't be found out.
std::string mount_of(int file);

}  // namespace chrun
