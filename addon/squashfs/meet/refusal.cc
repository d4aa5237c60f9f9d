#include "squashfs/meet/refusal.h"

#include "base/error_record.h"
#include "squashfs/meet/channel.h"

namespace chrun::squashfs {

std::string refusal_packet(const Error& error, const std::string& hint) {
  return std::string(1, kRefused) + error_record(error, error.what(), hint);
}

void throw_refusal(const std::string& packet) {
  if (packet[0] != kRefused) throw Error("the file-system server sent an invalid answer", {}, Exit::server);
  throw_error_record(std::string_view(packet).substr(1), "the file-system server's refusal", Exit::server);
}

}  // namespace chrun::squashfs
