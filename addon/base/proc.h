// What /proc shows about this process.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace chrun {

/// The text of a file; empty if it can't be read.
std::string text_of(const std::string& path);

/// The path in the line of this hierarchy, by its controllers; of version 2 there are none. Empty if there is no such
/// line. `table`: proc_pid_cgroup(5).
std::string group_in(std::string_view table, std::string_view controllers);

/// The lines of mountinfo for control groups, without the two numbers that begin them: of mounts that other mounts do
/// not cover, as far as the kernel can tell (since Linux 5.8).
std::string group_mounts();

/// Opens one of our files below /proc/self for writing; an empty Fd, and errno, if that fails. If the user may execute
/// our program file but not read it (mode 0711), these files belong to root: then we make this process dumpable,
/// because nothing in its memory must be hidden from the user.
Fd open_own_file(const char* path);

/// A mount in this process's namespace: its ID, and its mount point, relative to the root directory.
struct MountEntry {
  unsigned long long id;
  std::string place;
};
std::vector<MountEntry> mount_table();  // proc_pid_mountinfo(5)

/// The number of the mount in which `path` lies, as statx(2) has it for these flags; 0, with errno, where it is
/// missing, and with ENOSYS before Linux 5.8.
unsigned long long mount_at(int directory, const char* path, int flags);

/// The ID of the mount that an open file is on; 0 if that can't be determined.
unsigned long long mount_of(int file);

/// Whether the user namespace that `link`, relative to `directory`, refers to is this process's own. Nothing if it
/// can't be examined.
std::optional<bool> is_in_own_user_namespace(int directory, const std::string& link);

}  // namespace chrun
