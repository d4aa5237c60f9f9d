// System calls that the C libraries and kernel headers of current HPC systems do not define, by number, with their
// flags and structures: a program built with old headers still uses the features of a new kernel. The numbers are the
// same on every architecture. Source: the manual pages of the calls.
#pragma once
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace chrun {

inline constexpr long kOpenTree = 428, kMoveMount = 429, kFsopen = 430, kFsconfig = 431, kFsmount = 432;  // Linux 5.2
inline constexpr long kPidfdSendSignal = 424;                                                             // Linux 5.1
inline constexpr long kPidfdOpen = 434;                                                                   // Linux 5.3
inline constexpr long kClone3 = 435;                                                                      // Linux 5.3
inline constexpr long kOpenat2 = 437, kPidfdGetfd = 438;                                                  // Linux 5.6
inline constexpr long kCloseRange = 436;                                                                  // Linux 5.9
inline constexpr long kMountSetattr = 442;                                                                // Linux 5.12

/// Flag of open_tree, mount_setattr: including all mounts below.
inline constexpr unsigned kRecursive = 0x8000;

inline constexpr unsigned kOpenTreeClone = 1, kOpenTreeCloexec = O_CLOEXEC;
inline constexpr unsigned kMoveMountEmptyPath = 4, kMoveMountToEmptyPath = 0x40;
inline constexpr unsigned kFsopenCloexec = 1, kFsmountCloexec = 1;
inline constexpr unsigned kFsconfigSetFlag = 0, kFsconfigSetString = 1, kFsconfigCreate = 6;
inline constexpr uint64_t kResolveInRoot = 0x10;

/// Socket option (Linux 6.5): messages also carry a pidfd of their sender, in a control message of this type.
inline constexpr int kPassPidfd = 76, kScmPidfd = 4;

/// Of statx (Linux 5.8): requests the mount ID, and its offset in the result.
inline constexpr unsigned kStatxMountId = 0x1000, kStatxMountIdAt = 0x90;

/// Of openat2: struct open_how.
struct OpenHow {
  uint64_t flags, mode, resolve;
};

/// Of clone3: struct clone_args, with the directory of a control group (Linux 5.7).
struct CloneArguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
inline constexpr uint64_t kCloneIntoCgroup = 0x200000000;

/// Of mount_setattr: struct mount_attr. MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC have the same values here.
struct MountChange {
  uint64_t set, clear, propagation, user_namespace;
};

}  // namespace chrun
