// What launchers and file-system servers say to each other: packets of text, each with at most one descriptor.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace chrun::squashfs {

inline constexpr size_t kMostText = 16384;  // of a packet

using Clock = std::chrono::steady_clock;

struct Packet {
  std::string text;
  Fd descriptor;
  pid_t sender = 0;  // only where know_senders() was called; else 0
  Fd process;        // the sender too, since Linux 6.5
};

// Replies of the server begin with one of these; refusal.h has what follows the second.
inline constexpr char kGranted = '=';
inline constexpr char kRefused = '!';

/// A packet before the request of the launcher that starts a shared server begins with this letter: guest paths follow,
/// each ended by NUL.
inline constexpr char kLookUp = '?';

/// In the server's words instead of a door: the launcher makes the mount, and sends the device when it is made.
inline constexpr char kUnmounted[] = "unmounted";

/// Begins the word that says where reads are remembered: then a descriptor, a comma and a number for the command.
inline constexpr char kReadsWord[] = "reads=";

/// False where the other side is gone.
bool send_packet(int socket, std::string_view text, int descriptor = -1);

/// Waits until `deadline`, or forever, for a packet. Nothing if the other side is gone, silent or not this user's.
std::optional<Packet> receive_packet(int socket, Clock::time_point deadline);

/// Whether the process at the other end belongs to this user: anybody can take abstract socket names.
bool peer_is_self(int socket);

/// From now on, received packets identify their sender.
void know_senders(int socket);

/// Whether a packet comes from a process in this process's own user namespace. Programs in this user's containers have
/// the same user id and see the same sockets, but never are in it.
bool is_from_outside(const Packet& packet);

}  // namespace chrun::squashfs
