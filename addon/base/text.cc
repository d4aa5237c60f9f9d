#include "base/text.h"

#include <cstdio>

namespace chrun {
namespace {

/// C0, DEL, and C1 in UTF-8.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return character.size() == 2 && first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

void append_escaped(std::string& text, char byte) {
  constexpr std::string_view kShort("\n\t\r"), kLetters("ntr");
  if (const size_t at = kShort.find(byte); at != std::string_view::npos) {
    (text += '\\') += kLetters[at];
    return;
  }
  char octal[8];
  snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned char>(byte));
  text += octal;
}

}  // namespace

size_t character_size(std::string_view bytes) {
  const auto byte = [&](size_t at) { return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U; };
  const auto follows = [&](size_t at, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(at) >= low && byte(at) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    // neither overlong nor a surrogate
    return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  }
  if (first < 0xf0 || first > 0xf4) return 0;
  // neither overlong nor above U+10FFFF
  return follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
}

std::string visible(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t size = character_size(bytes), taken = size == 0 ? 1 : size;
    const std::string_view character = bytes.substr(0, taken);
    if (size == 0 || is_control(character))
      for (const char byte : character) append_escaped(text, byte);
    else
      text += character;
    bytes.remove_prefix(taken);
  }
  return text;
}

}  // namespace chrun
