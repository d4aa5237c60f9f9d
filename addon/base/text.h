// Untrusted bytes, as they are shown to users.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace chrun {

/// The size of the UTF-8 character that `bytes` begin with, 0 if they begin with none (RFC 3629, section 4).
size_t character_size(std::string_view bytes);

/// Escapes control characters, and bytes that are not UTF-8, like `ls --escape`: a newline could forge a line, and an
/// escape sequence could control the terminal. src/base/visible.ts does the same.
std::string visible(std::string_view bytes);

}  // namespace chrun
