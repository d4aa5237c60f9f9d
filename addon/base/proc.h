// What /proc tells about this process.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"

namespace chrun {

/// The text of a file; empty where it can't be read: one thing less that is known.
std::string text_of(const std::string& path);

/// Opens a file of ours below /proc/self for writing; an empty Fd, and errno, where it can't be. Where the user may
/// execute our program file but not read it (mode 0711), the kernel makes these files root's: then it is told that
/// there is nothing in our memory that the user must not see.
Fd open_own_file(const char* path);

/// A mount of this process's namespace: its number, and its place, seen from the root directory.
struct MountEntry {
  std::string id, place;
};
std::vector<MountEntry> mount_table();  // proc_pid_mountinfo(5)

/// The number of the mount that an open file is on; empty if that can't be found out.
std::string mount_of(int file);

}  // namespace chrun
