#include "base/error_record.h"

#include "base/records.h"

namespace chrun {
namespace {

constexpr char kName[] = "error";

}  // namespace

std::string error_record(const Error& failure, const std::string& message, const std::string& hint) {
  std::vector<std::string_view> fields{message, hint};
  const auto* refusal = dynamic_cast<const SysError*>(&failure);
  const std::string code = std::to_string(refusal ? refusal->code() : 0);
  if (refusal) fields.insert(fields.end(), {refusal->call(), code, refusal->subject()});
  std::string record;
  append_record(record, kName, fields);
  return record;
}

[[noreturn]] void throw_error_record(std::string_view record, const std::string& source, Exit exit) {
  const auto records = parse_records(record, source);
  if (records.size() != 1 || records[0].name != kName ||
      (records[0].fields.size() != 2 && records[0].fields.size() != 5))
    throw Error(source + " is malformed", {}, exit);
  const auto& fields = records[0].fields;
  const std::string message(fields[0]), hint(fields[1]);
  if (fields.size() == 2) throw Error(message, hint, exit);
  const auto code = static_cast<int>(parse_number(fields[3], 4095, "the errno in " + source));
  throw SysError(message, hint, std::string(fields[2]), code, exit).about(std::string(fields[4]));
}

}  // namespace chrun
