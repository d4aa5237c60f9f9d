#include "containers/json.h"

#include <cstdlib>

#include "base/error.h"

namespace chrun {

class JsonReader {
 public:
  JsonReader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Json read_all() {
    Json value = read(0);
    skip_blanks();
    if (at_ != text_.size()) fail();
    return value;
  }

 private:
  static constexpr int kDeepest = 64;

  [[noreturn]] void fail() const { throw Error(name_ + " is not JSON, at byte " + std::to_string(at_)); }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  char peek() {
    skip_blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char expected) {
    if (peek() != expected) return false;
    at_++;
    return true;
  }

  Json read(int depth) {
    if (depth > kDeepest) fail();
    const char first = peek();
    const size_t start = at_;
    Json value;
    if (first == '{')
      read_object(value, depth);
    else if (first == '[')
      read_list(value, depth);
    else if (first == '"')
      value.kind_ = Json::Kind::text, value.text_ = read_text();
    else
      read_word(value);
    value.source_ = text_.substr(start, at_ - start);
    return value;
  }

  void read_object(Json& value, int depth) {
    value.kind_ = Json::Kind::object;
    take('{');
    if (take('}')) return;
    do {
      if (peek() != '"') fail();
      value.keys_.push_back(read_text());
      if (!take(':')) fail();
      value.items_.push_back(read(depth + 1));
    } while (take(','));
    if (!take('}')) fail();
  }

  void read_list(Json& value, int depth) {
    value.kind_ = Json::Kind::list;
    take('[');
    if (take(']')) return;
    do value.items_.push_back(read(depth + 1));
    while (take(','));
    if (!take(']')) fail();
  }

  void read_word(Json& value) {
    const size_t end = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
    value.text_ = text_.substr(at_, end - at_);
    const bool word = value.text_ == "true" || value.text_ == "false" || value.text_ == "null";
    if (!word && value.text_.find_first_not_of("0123456789+-.eE") != std::string::npos) fail();
    if (value.text_.empty()) fail();
    value.kind_ = word ? Json::Kind::word : Json::Kind::number;
    if (value.text_ == "null") value.kind_ = Json::Kind::none;
    at_ = end;
  }

  unsigned read_unit() {
    if (at_ + 4 > text_.size()) fail();
    const std::string digits(text_.substr(at_, 4));
    char* end;
    const auto unit = static_cast<unsigned>(strtoul(digits.c_str(), &end, 16));
    if (*end != '\0') fail();
    at_ += 4;
    return unit;
  }

  void append_character(std::string& text) {
    unsigned code = read_unit();
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      code = 0x10000 + ((code - 0xd800) << 10) + (read_unit() - 0xdc00);
    }
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
    // a byte that is not UTF-8, as base/json_string.h writes it
    if (code >= 0xdc80 && code <= 0xdcff) {
      text += static_cast<char>(code - 0xdc00);
    } else if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xc0 | code >> 6), tail(0);
    } else if (code < 0x10000) {
      text += static_cast<char>(0xe0 | code >> 12), tail(6), tail(0);
    } else {
      text += static_cast<char>(0xf0 | (code >> 18 & 7)), tail(12), tail(6), tail(0);
    }
  }

  std::string read_text() {
    std::string text;
    for (at_++; at_ < text_.size() && text_[at_] != '"';) {
      if (text_[at_] != '\\') {
        text += text_[at_++];
        continue;
      }
      const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      at_ += 2;
      constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
      if (letter == 'u')
        append_character(text);
      else if (const size_t which = kLetters.find(letter); letter != '\0' && which != std::string_view::npos)
        text += kMeanings[which];
      else
        fail();
    }
    if (at_ >= text_.size()) fail();
    at_++;
    return text;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

Json Json::parse(std::string_view text, const std::string& name) { return JsonReader(text, name).read_all(); }

const Json& Json::operator[](std::string_view key) const {
  static const Json none;
  for (size_t i = 0; i < keys_.size(); i++) {
    if (keys_[i] == key) return items_[i];
  }
  return none;
}

unsigned long long Json::number() const { return kind_ == Kind::number ? strtoull(text_.c_str(), nullptr, 10) : 0; }

}  // namespace chrun
