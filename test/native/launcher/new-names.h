// Included in front of everything that is built for tests: names that C libraries before 2.36 and kernel headers before
// 5.1 lack, on which current HPC systems build, are errors. addon/base/system_calls.h has names of ours for some.
#pragma GCC system_header
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif
#if __has_include(<sys/pidfd.h>)
#include <sys/pidfd.h>
#endif

#include <cstdlib>
#include <cstring>
#include <string>

#pragma GCC poison SYS_open_tree SYS_move_mount SYS_fsopen SYS_fsconfig SYS_fsmount SYS_fspick SYS_pidfd_open SYS_clone3
#pragma GCC poison SYS_close_range SYS_openat2 SYS_pidfd_getfd SYS_faccessat2 SYS_mount_setattr SYS_statmount \
    SYS_listmount
#pragma GCC poison open_how mount_attr RESOLVE_IN_ROOT AT_RECURSIVE OPEN_TREE_CLONE OPEN_TREE_CLOEXEC FSOPEN_CLOEXEC
#pragma GCC poison MOVE_MOUNT_F_EMPTY_PATH FSCONFIG_SET_STRING FSCONFIG_SET_FLAG FSCONFIG_CMD_CREATE FSMOUNT_CLOEXEC
#pragma GCC poison MOUNT_ATTR_RDONLY MOUNT_ATTR_NOSUID MOUNT_ATTR_NODEV MOUNT_ATTR_NOEXEC
#pragma GCC poison fsopen fsconfig fsmount move_mount open_tree mount_setattr pidfd_open pidfd_getfd close_range
#pragma GCC poison execveat gettid arc4random strlcpy strerrorname_np sigabbrev_np closefrom
