// What this machine allows, found out by doing it: one check in one process, which ends with it.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// `--try CHECK WORDS…`, as --doctor calls it. 0 if it can be done, with what there is to say of it on standard output.
/// Else 31, and there records of base/records: detail, the message, and the parts of the Advice that there are. Throws
/// Error for a check that does not exist.
int try_check(const char* name, const std::vector<std::string>& words = {});

/// All checks in turn, in a process each, as lines for people: what --doctor can still do where nothing decides.
void try_all_checks();

}  // namespace chrun
