// File names, arguments and variables are bytes to the kernel, and strings of UTF-16 to JavaScript: a byte that is not
// part of a UTF-8 character is the lone surrogate U+DC80–U+DCFF there, which UTF-8 itself never produces (PEP 383).
#pragma once
#include <string>
#include <string_view>

namespace chrun {

/// Bytes as UTF-8 that has the lone surrogates as if they were characters, of three bytes each.
std::string escape_bytes(std::string_view bytes);
/// The inverse.
std::string unescape_bytes(std::string_view text);

/// The same as UTF-16.
std::u16string to_utf16(std::string_view bytes);
std::string from_utf16(std::u16string_view text);

}  // namespace chrun
