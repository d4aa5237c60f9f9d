// Filters of system calls as config.json of the OCI runtime specification has them.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// The BPF program (an array of sock_filter) of these words:
///   ACTION ARCHITECTURES NAME … then for each rule ACTION COMPARISONS (INDEX OPERATOR VALUE VALUE) … CALLS NAME …
/// An action is `NAME NUMBER`. Calls that libseccomp does not know are left out, as the specification wants it. Throws
/// Error, also where this was built without libseccomp.
std::string compile_rules(const std::vector<std::string>& words);

}  // namespace chrun
