// System calls by number: the C libraries of current HPC systems have no names for them. They are the same everywhere.
#pragma once

namespace chrun::squashfs {

inline constexpr long kOpenTree = 428, kMoveMount = 429, kFsopen = 430, kFsconfig = 431, kFsmount = 432;  // Linux 5.2
inline constexpr long kPidfdOpen = 434;                                                                   // Linux 5.3
inline constexpr long kCloseRange = 436;                                                                  // Linux 5.9

}  // namespace chrun::squashfs
