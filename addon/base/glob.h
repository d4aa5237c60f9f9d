// Which paths a pattern matches: the CLI decides by it, the launcher checks that it is still so.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// The host paths that match `pattern` as in glob(7), in the order of their bytes. Directories that can't be read
/// match nothing.
std::vector<std::string> matching_paths(const std::string& pattern);

}  // namespace chrun
