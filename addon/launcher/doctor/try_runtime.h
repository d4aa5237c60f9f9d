// What only containers of ch-oci-ts need of the machine, found out by doing it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace chrun {

/// False if there is no check of that name here; prints what there is to say of a success. Throws Error for a refusal.
bool try_runtime_check(std::string_view name, const std::vector<std::string>& words);

}  // namespace chrun
