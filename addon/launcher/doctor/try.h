// What this machine allows, found out by doing it: one check in one process, which ends with it.
#pragma once

namespace chrun {

/// `--try CHECK`, as --doctor calls it. 0 if it can be done. Else 31, and on standard output, each ended by a NUL byte:
/// call, errno, message, and the parts of the Advice. Throws Error for a check that does not exist.
int try_check(const char* name);

}  // namespace chrun
