// What this machine allows, found out by doing it: one check in one process, which ends with it.
#pragma once

namespace chrun {

/// `--try CHECK`, as --doctor calls it. 0 if it can be done. Else 31, and on standard output records of base/records:
/// detail, the message, and the parts of the Advice that there are. Throws Error for a check that does not exist.
int try_check(const char* name);

/// All checks in turn, in a process each, as lines for people: what --doctor can still do where nothing decides.
void try_all_checks();

}  // namespace chrun
