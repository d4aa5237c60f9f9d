// Messages between processes of ours that make, start or enter a container.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace chrun {

/// One end of a connection. The end of the process at the other side, or its execve(2), is the end of the connection.
class Channel {
 public:
  struct Message {
    char kind;
    std::string text;
    Fd file;
    pid_t sender;  // in our namespaces; 0 without know_senders()
  };

  Channel() = default;
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}

  /// False if the other side is gone.
  bool send(char kind, const std::string& text = {}, int file = -1) const;
  bool report(const Error& failure) const;
  bool warn(const std::string& message) const;

  /// The next message; nothing if the other side is gone. Warnings are printed; a failure of the other side is thrown.
  std::optional<Message> receive() const;

  /// Messages to come say who sent them.
  void know_senders() const;

  explicit operator bool() const { return static_cast<bool>(socket_); }
  int get() const { return socket_.get(); }
  void close() { socket_.reset(); }

 private:
  Fd socket_;
};

/// Throws Error that says that a message was not the expected one.
[[noreturn]] void refuse_message();

}  // namespace chrun
