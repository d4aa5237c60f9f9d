// Reads JSON (RFC 8259): the state of containers, which this program wrote itself.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chrun {

/// A value. What is missing, or of another kind, reads as empty: the reader has written it, or checks it.
class Json {
 public:
  /// Throws Error that begins with `name` where `text` is not JSON.
  static Json parse(std::string_view text, const std::string& name);

  /// A member of an object; an empty value if there is none.
  const Json& operator[](std::string_view key) const;
  const std::vector<Json>& items() const { return items_; }
  /// The text of a string; of a number, its digits.
  const std::string& text() const { return text_; }
  unsigned long long number() const;
  bool is_true() const { return kind_ == Kind::word && text_ == "true"; }
  bool is_empty() const { return kind_ == Kind::none; }
  /// As it was written.
  std::string_view source() const { return source_; }

 private:
  friend class JsonReader;
  enum class Kind { none, text, number, word, list, object };
  Kind kind_ = Kind::none;
  std::string text_{};
  std::vector<Json> items_{};
  std::vector<std::string> keys_{};  // of an object, whose values are the items
  std::string source_{};
};

}  // namespace chrun
