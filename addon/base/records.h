// The wire format between CLI and launcher: NUL-separated fields, one record per step, so that any path the
// kernel accepts can be carried. A record is: name NUL count NUL field NUL field NUL …
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace chrun {

struct Record {
  std::string_view name;
  std::vector<std::string_view> fields;  // each is followed by a NUL byte: data() is a C string
};

/// Takes the first record off the front of `rest`. Throws as parse_records().
Record take_record(std::string_view& rest, const std::string& source);

/// Splits `bytes` into records that point into it. `source` names it in errors.
/// Throws Error where the bytes end inside a record or a count is no number.
std::vector<Record> parse_records(std::string_view bytes, const std::string& source);

/// Appends one record to `bytes`.
void append_record(std::string& bytes, std::string_view name, const std::vector<std::string_view>& fields);

/// Reads a whole number in [0, max]. Throws Error that calls it `what`.
unsigned long long parse_number(std::string_view text, unsigned long long max, const std::string& what);

}  // namespace chrun
