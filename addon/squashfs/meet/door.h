// Where the launchers of one user find the file-system server of an image.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.h"
#include "squashfs/meet/channel.h"

namespace chrun::squashfs {

/// The socket of the server of one identity: in the user's own directory /run/user/UID, which no other user can write
/// to; where there is none, as on most compute nodes, it has an abstract name, which goes away with the server.
class Door {
 public:
  explicit Door(std::string_view identity);

  struct Answer {
    Fd socket;             // connected; empty if there is no server
    bool foreign = false;  // another user has taken the name
  };
  Answer knock(Clock::time_point deadline) const;
  /// Listening, or empty if another process was faster.
  Fd take() const;

  /// Takes away the name of a listening socket, if it is a file.
  static void remove_name(int listening);

 private:
  Fd directory_;
  std::string name_;  // a path, or what follows the NUL byte of an abstract name
};

}  // namespace chrun::squashfs
