// Which paths match a pattern: the CLI plans with the list, the launcher checks that it still holds.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// The host paths that match `pattern` as in glob(7), in the order of their bytes. Directories that can't be read
/// match nothing.
std::vector<std::string> matching_paths(const std::string& pattern);

}  // namespace chrun
