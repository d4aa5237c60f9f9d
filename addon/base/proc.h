// What /proc tells about this process.
#pragma once
#include <optional>
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
  unsigned long long id;
  std::string place;
};
std::vector<MountEntry> mount_table();  // proc_pid_mountinfo(5)

/// The number of the mount that an open file is on; 0 if that can't be found out.
unsigned long long mount_of(int file);

/// Whether the process whose user namespace `link` leads to, seen from `directory`, is in this process's own. Nothing
/// where it can't be looked into.
std::optional<bool> is_in_own_user_namespace(int directory, const std::string& link);

}  // namespace chrun
