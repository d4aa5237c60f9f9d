#include "base/json_string.h"

#include <cstdio>

#include "base/text.h"

namespace chrun {
namespace {

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
