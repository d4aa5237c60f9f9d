// CRIU, which saves running processes in files and makes processes of them again: requests to a `criu swrk` that is
// started for them, by its remote procedure calls (https://criu.org/RPC). What only these can do: say that the
// namespaces of a restored container are made, and send the other end of its terminal.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace chrun {

/// An option of a request: its name in CRIU's rpc.proto, and its value; of those that have a key, that is `key`.
struct CriuOption {
  std::string name, key, value;
};

enum class CriuRequest { dump = 1, restore = 2, pre_dump = 4 };

class Criu {
 public:
  /// A connection: one end, and the other, for the process that becomes `criu swrk`. Throws SysError.
  static std::pair<Criu, Fd> connect();

  /// CRIU gives up what it was asked for and has not done yet.
  ~Criu();
  Criu(Criu&&) = default;
  Criu& operator=(Criu&&) = delete;

  /// `log`: where it writes what it does; its errors are part of ours. Throws Error.
  void ask(CriuRequest request, const std::vector<CriuOption>& options, std::string log);

  /// What CRIU says before it goes on: it waits for the next call of next().
  struct Notice {
    std::string name;
    pid_t pid;  // of the first process of what is restored; 0 if it is about something else
    Fd file;    // the other end of a terminal
  };
  /// Nothing when what was asked for is done. Throws Error with CRIU's own words if it can't be.
  std::optional<Notice> next();

  /// The first process of what was restored.
  pid_t restored() const { return restored_; }

 private:
  explicit Criu(Fd socket) : socket_(std::move(socket)) {}
  void answer(bool goes_on);
  [[noreturn]] void fail(const std::string& words) const;

  Fd socket_;
  std::string log_{};
  bool waits_ = false;  // for the answer to a notice
  bool done_ = false;
  pid_t restored_ = 0;
};

}  // namespace chrun
