#include "squashfs/meet/refusal.h"

#include "base/records.h"
#include "squashfs/meet/channel.h"

namespace chrun::squashfs {
namespace {

// refusal MESSAGE HINT, or, of a system call that failed: refusal MESSAGE HINT CALL ERRNO
constexpr char kName[] = "refusal";

}  // namespace

std::string refusal_packet(const Error& error, const std::string& hint) {
  std::string packet(1, kRefused);
  std::vector<std::string_view> fields{error.what(), hint};
  const auto* refusal = dynamic_cast<const SysError*>(&error);
  const std::string code = std::to_string(refusal ? refusal->code() : 0);
  if (refusal) fields.insert(fields.end(), {refusal->call(), code});
  append_record(packet, kName, fields);
  return packet;
}

void throw_refusal(const std::string& packet) {
  const auto records = parse_records(std::string_view(packet).substr(1), "the file-system server's refusal");
  if (packet[0] != kRefused || records.size() != 1 || records[0].name != kName || records[0].fields.size() % 2 != 0 ||
      records[0].fields.empty()) {
    throw Error("the file-system server gave an answer that is none", {}, Exit::server);
  }
  const auto& fields = records[0].fields;
  const std::string message(fields[0]), hint(fields[1]);
  if (fields.size() == 2) throw Error(message, hint, Exit::server);
  throw SysError(message, hint, std::string(fields[2]),
                 static_cast<int>(parse_number(fields[3], 4095, "the errno of a refusal")), Exit::server);
}

}  // namespace chrun::squashfs
