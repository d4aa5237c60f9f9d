// The sockets between launchers and file-system servers: packets of text, each with at most one descriptor.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace chrun::squashfs {

using Clock = std::chrono::steady_clock;

struct Packet {
  std::string text;
  Fd descriptor;
};

// Replies of the server begin with one of these; after a refusal come the words, and a hint behind a NUL byte.
inline constexpr char kGranted = '=';
inline constexpr char kRefused = '!';

/// In the server's words instead of a door: the launcher makes the mount, and sends the device when it is made.
inline constexpr char kUnmounted[] = "unmounted";

/// False where the other side is gone.
bool send_packet(int socket, std::string_view text, int descriptor = -1);

/// Waits until `deadline` for a packet. Nothing where the other side is gone, silent or not of this user.
std::optional<Packet> receive_packet(int socket, Clock::time_point deadline);

/// Whether the process at the other end belongs to this user: abstract socket names are free for all to take.
bool peer_is_self(int socket);

/// What makes two launches share a server: user, group, the file as it is now, the process-id namespace and the batch
/// job's step, whose end would kill the server. One server has one identity.
std::string sharing_identity(int image);

/// The abstract socket on which the server of `identity` can be found.
class Door {
 public:
  explicit Door(std::string_view identity);
  /// Connected, or empty where nobody is there.
  Fd knock(Clock::time_point deadline) const;
  /// Listening, or empty where somebody else was faster.
  Fd take() const;

 private:
  std::string name_;
};

}  // namespace chrun::squashfs
