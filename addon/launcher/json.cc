#include "launcher/json.h"

#include <cstdio>

namespace chrun {
namespace {

/// The size of the UTF-8 character that `bytes` begin with, 0 if they begin with none (RFC 3629, section 4).
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

void append_code(std::string& json, unsigned code) {
  char text[8];
  snprintf(text, sizeof text, "\\u%04x", code);
  json += text;
}

void append_ascii(std::string& json, char character) {
  constexpr std::string_view kShort("\b\t\n\f\r\"\\"), kLetters("btnfr\"\\");
  if (const size_t at = kShort.find(character); at != std::string_view::npos)
    (json += '\\') += kLetters[at];
  else if (static_cast<unsigned char>(character) < 0x20)
    append_code(json, static_cast<unsigned char>(character));
  else
    json += character;
}

}  // namespace

void append_json_string(std::string& json, std::string_view bytes) {
  json += '"';
  while (!bytes.empty()) {
    const size_t size = character_size(bytes);
    if (size == 0)
      append_code(json, 0xdc00 + static_cast<unsigned char>(bytes[0]));
    else if (size == 1)
      append_ascii(json, bytes[0]);
    else
      json += bytes.substr(0, size);
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  json += '"';
}

}  // namespace chrun
