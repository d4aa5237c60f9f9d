#include "launcher/parent/protobuf.h"

#include "base/error.h"

namespace chrun {
namespace {

// how a field is written: the lowest three bits of its key
constexpr unsigned kVarint = 0, kFixed64 = 1, kText = 2, kFixed32 = 5, kKindBits = 3;

void add_varint(std::string& message, unsigned long long value) {
  for (; value >= 0x80; value >>= 7) message += static_cast<char>(value | 0x80);
  message += static_cast<char>(value);
}

[[noreturn]] void refuse() { throw Error("the answer of CRIU is not a message of Protocol Buffers"); }

std::string_view take(std::string_view& rest, unsigned long long size) {
  if (size > rest.size()) refuse();
  const std::string_view front = rest.substr(0, size);
  rest.remove_prefix(size);
  return front;
}

unsigned long long take_varint(std::string_view& rest) {
  constexpr unsigned kMostBits = 64;
  unsigned long long value = 0;
  for (unsigned shift = 0; shift < kMostBits; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(rest, 1)[0]);
    value |= static_cast<unsigned long long>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  refuse();
}

}  // namespace

void add_number(std::string& message, unsigned field, unsigned long long value) {
  add_varint(message, field << kKindBits | kVarint);
  add_varint(message, value);
}

void add_text(std::string& message, unsigned field, std::string_view text) {
  add_varint(message, field << kKindBits | kText);
  add_varint(message, text.size());
  message += text;
}

std::vector<ProtobufField> parse_protobuf(std::string_view message) {
  std::vector<ProtobufField> fields;
  while (!message.empty()) {
    const unsigned long long key = take_varint(message);
    const auto number = static_cast<unsigned>(key >> kKindBits);
    switch (key & 7) {
      case kVarint:
        fields.push_back({number, take_varint(message), {}});
        break;
      case kText:
        fields.push_back({number, 0, take(message, take_varint(message))});
        break;
      case kFixed64:
        take(message, 8);
        break;
      case kFixed32:
        take(message, 4);
        break;
      default:
        refuse();
    }
  }
  return fields;
}

}  // namespace chrun
