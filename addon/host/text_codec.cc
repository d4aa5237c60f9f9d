#include "host/text_codec.h"

#include "base/text.h"

namespace chrun {
namespace {

constexpr unsigned kEscaped = 0xdc00;  // the lone surrogate of a byte is so much above it

/// Removes the UTF-8 character, or the invalid byte, at the beginning of `bytes`.
std::string_view take_character(std::string_view& bytes, bool& valid) {
  const size_t size = character_size(bytes);
  valid = size > 0;
  const std::string_view character = bytes.substr(0, valid ? size : 1);
  bytes.remove_prefix(character.size());
  return character;
}

unsigned byte_at(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

unsigned code_of(std::string_view character) {
  if (character.size() == 1) return byte_at(character, 0);
  unsigned code = byte_at(character, 0) & (0x7fU >> character.size());
  for (size_t at = 1; at < character.size(); at++) code = code << 6 | (byte_at(character, at) & 0x3f);
  return code;
}

void append_utf8(std::string& text, unsigned code) {
  const auto put = [&](unsigned value) { text += static_cast<char>(value); };
  const auto follow = [&](int shift) { put(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    follow(6);
  } else {
    put(0xf0 | code >> 18);
    follow(12);
    follow(6);
  }
  follow(0);
}

bool is_escaped(unsigned code) { return code >= kEscaped + 0x80 && code <= kEscaped + 0xff; }

}  // namespace

std::string escape_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    bool valid;
    const std::string_view character = take_character(bytes, valid);
    if (valid)
      text += character;
    else
      append_utf8(text, kEscaped + byte_at(character, 0));
  }
  return text;
}

std::string unescape_bytes(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    // ED B2 80 … ED B3 BF
    const bool surrogate = at + 2 < text.size() && byte_at(text, at) == 0xed;
    const unsigned code = surrogate ? code_of(text.substr(at, 3)) : 0;
    if (is_escaped(code)) {
      bytes += static_cast<char>(code - kEscaped);
      at += 3;
    } else {
      bytes += text[at++];
    }
  }
  return bytes;
}

std::u16string to_utf16(std::string_view bytes) {
  std::u16string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    bool valid;
    const std::string_view character = take_character(bytes, valid);
    const unsigned code = valid ? code_of(character) : kEscaped + byte_at(character, 0);
    if (code < 0x10000) {
      text += static_cast<char16_t>(code);
    } else {
      text += static_cast<char16_t>(0xd800 + ((code - 0x10000) >> 10));
      text += static_cast<char16_t>(0xdc00 + (code & 0x3ff));
    }
  }
  return text;
}

std::string from_utf16(std::u16string_view text) {
  const auto is_high = [](unsigned unit) { return unit >= 0xd800 && unit < 0xdc00; };
  const auto is_low = [](unsigned unit) { return unit >= 0xdc00 && unit < 0xe000; };
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size(); at++) {
    const unsigned unit = text[at];
    if (is_high(unit) && at + 1 < text.size() && is_low(text[at + 1]))
      append_utf8(bytes, 0x10000 + ((unit - 0xd800) << 10) + (text[++at] - 0xdc00U));
    else if (is_escaped(unit))
      bytes += static_cast<char>(unit - kEscaped);
    else
      append_utf8(bytes, unit);
  }
  return bytes;
}

}  // namespace chrun
