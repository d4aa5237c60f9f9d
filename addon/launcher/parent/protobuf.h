// Messages of Protocol Buffers, as far as CRIU's are made of them: whole numbers, texts, and messages in messages.
// https://protobuf.dev/programming-guides/encoding
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace chrun {

/// Appends a field to a message.
void add_number(std::string& message, unsigned field, unsigned long long value);
void add_text(std::string& message, unsigned field, std::string_view text);

struct ProtobufField {
  unsigned number;
  unsigned long long value;  // of a number
  std::string_view text;     // of a text, or of a message; points into what was parsed
};

/// The fields of a message, in its order; what CRIU has no field of, is skipped. Throws Error where the bytes end
/// within a field, or are no message.
std::vector<ProtobufField> parse_protobuf(std::string_view message);

}  // namespace chrun
