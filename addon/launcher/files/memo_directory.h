// Where memos are kept: a directory that only its user can write.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// $CH_RUN_MEMO_DIR, else ch-run-ts below $XDG_CACHE_HOME, else below $HOME/.cache; empty where none of them is
/// an absolute path.
std::string memo_directory_path();

/// Opens it, after making it when `make`. Returns an empty Fd, and says in `why`, if there is none, it belongs to
/// somebody else, or others can write it.
Fd open_memo_directory(bool make, std::string& why);

/// What was removed: plans, and records of reads (squashfs/reader/reads.h).
struct Removed {
  size_t plans = 0, reads = 0;
};

/// Removes what is too old, and the oldest of plans that are too many; who writes records of reads bounds their number.
/// `everything` removes all.
Removed prune_memo_directory(int directory, bool everything);

}  // namespace chrun
