#include "launcher/log/system_log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "base/json_string.h"

namespace chrun {
namespace {

constexpr const char* kListener = "/dev/log";
constexpr size_t kLongestValue = 1000;  // log services cut lines off, some at 2048 bytes

Fd connect_to_listener() {
  Fd endpoint(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, kListener);
  // where 0, 1 or 2 was closed, its number must stay free
  if (endpoint && endpoint.get() <= 2) endpoint = Fd(fcntl(endpoint.get(), F_DUPFD_CLOEXEC, 3));
  if (!endpoint || connect(endpoint.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return endpoint;
}

/// As syslog(3) writes it for LOG_USER and LOG_INFO; every log service reads that.
std::string heading() {
  constexpr int kUser = 1, kInformational = 6;
  const time_t now = time(nullptr);
  struct tm local {};
  char stamp[32] = "";
  if (localtime_r(&now, &local)) strftime(stamp, sizeof stamp, "%b %e %T ", &local);
  return "<" + std::to_string(kUser * 8 + kInformational) + ">" + stamp + "ch-run-ts[" + std::to_string(getpid()) +
         "]: launch";
}

void append_value(std::string& line, std::string_view value) {
  const auto is_plain = [](unsigned char byte) { return byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\'; };
  bool plain = !value.empty();
  for (const char byte : value) plain = plain && is_plain(static_cast<unsigned char>(byte));
  const std::string_view shown = value.substr(0, kLongestValue);
  if (plain)
    line += shown;
  else
    append_json_string(line, shown);
}

}  // namespace

SystemLog::SystemLog(std::initializer_list<Word> words) : socket_(connect_to_listener()) {
  if (!socket_) return;
  line_ = heading();
  for (const auto& [name, value] : words) append_value(((line_ += ' ') += name) += '=', value);
}

void SystemLog::send() const {
  if (socket_) ::send(socket_.get(), line_.data(), line_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace chrun
