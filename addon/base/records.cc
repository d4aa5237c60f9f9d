#include "base/records.h"

#include <charconv>

#include "base/error.h"

namespace chrun {
namespace {

/// Takes the bytes up to the next NUL off the front of `rest`.
std::string_view take_field(std::string_view& rest, const std::string& source) {
  const size_t end = rest.find('\0');
  if (end == std::string_view::npos) throw Error(source + " is truncated");
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return field;
}

}  // namespace

unsigned long long parse_number(std::string_view text, unsigned long long max, const std::string& what) {
  unsigned long long number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number > max) {
    throw Error("expected a number from 0 to " + std::to_string(max) + " for " + what + ", got '" + std::string(text) +
                "'");
  }
  return number;
}

Record take_record(std::string_view& rest, const std::string& source) {
  Record record{take_field(rest, source), {}};
  // a field takes at least one byte, so a count above the size of the rest is invalid
  const std::string_view written = take_field(rest, source);
  const size_t count = parse_number(written, ~0U, "a field count in " + source);
  if (count > rest.size()) throw Error(source + " is truncated");
  record.fields.reserve(count);
  for (size_t i = 0; i < count; i++) record.fields.push_back(take_field(rest, source));
  return record;
}

std::vector<Record> parse_records(std::string_view bytes, const std::string& source) {
  std::vector<Record> records;
  while (!bytes.empty()) records.push_back(take_record(bytes, source));
  return records;
}

void append_record(std::string& bytes, std::string_view name, const std::vector<std::string_view>& fields) {
  bytes.append(name).push_back('\0');
  bytes.append(std::to_string(fields.size())).push_back('\0');
  for (const auto field : fields) bytes.append(field).push_back('\0');
}

}  // namespace chrun
