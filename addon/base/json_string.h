// JSON strings from arbitrary bytes.
#pragma once
#include <string>
#include <string_view>

namespace chrun {

/// Appends `bytes` as a JSON string, quotes included. A byte that is not part of valid UTF-8 becomes the lone surrogate
/// \udc80 … \udcff, as in what the CLI prints (src/base/bytes.ts): nothing is lost, and every parser takes it.
void append_json_string(std::string& json, std::string_view bytes);

}  // namespace chrun
