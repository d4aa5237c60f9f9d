// What this program is and what is built in: for --version, --feature, the doctor and reports of bugs.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// Names of what is built in, as --feature has them.
std::vector<std::string> built_in_features();

/// The architecture that this was built for, as OCI calls it.
std::string architecture_name();

/// The text of --version, some lines. `engine`: what decides, with its version.
std::string version_text(const std::string& engine);

}  // namespace chrun
