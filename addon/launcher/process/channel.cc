#include "launcher/process/channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/error_record.h"
#include "base/files.h"
#include "base/records.h"
#include "base/send_file.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

// a message is a packet: its kind, and a text
constexpr char kFailure = 'e', kWarning = 'w';
constexpr size_t kLargest = 64 << 10, kLargestMessage = 48 << 10;  // bytes; longer ones are cut
constexpr const char* kSource = "the report of the container's side";

/// The exit status, a line break, and the record.
std::string failure_text(const Error& failure) {
  return std::to_string(static_cast<int>(failure.exit())) + "\n" +
         error_record(failure, std::string(failure.what()).substr(0, kLargestMessage), failure.hint());
}

[[noreturn]] void throw_failure(std::string_view text) {
  constexpr size_t kDigits = 3;
  const size_t line = std::min(text.find('\n'), text.size());
  // not to be repeated in a message: it may be of any length
  if (line > kDigits) refuse_message();
  const auto status = parse_number(text.substr(0, line), 255, std::string("the exit status in ") + kSource);
  throw_error_record(text.substr(std::min(line + 1, text.size())), kSource, static_cast<Exit>(status));
}

}  // namespace

bool Channel::send(char kind, const std::string& text, int file) const {
  std::string packet(1, kind);
  packet += text.substr(0, kLargest - 1);
  return send_file(socket_.get(), packet, file) >= 0;
}

void Channel::know_senders() const {
  const int yes = 1;
  if (setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0)
    throw Refused("setsockopt").cannot("know who sends a message");
}

bool Channel::report(const Error& failure) const { return socket_ && send(kFailure, failure_text(failure)); }

bool Channel::warn(const std::string& message) const { return socket_ && send(kWarning, message); }

std::optional<Channel::Message> Channel::receive() const {
  std::string packet(kLargest, '\0');
  for (;;) {
    auto [got, file, sender] = receive_file(socket_.get(), packet.data(), packet.size());
    if (got <= 0) return {};
    std::string text = packet.substr(1, static_cast<size_t>(got) - 1);
    if (packet[0] == kFailure) throw_failure(text);
    if (packet[0] != kWarning) return Message{packet[0], std::move(text), std::move(file), sender};
    log::warning(text);
  }
}

void refuse_message() { throw Error("the two sides of the container do not understand each other"); }

}  // namespace chrun
