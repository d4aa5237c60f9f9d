#include "squashfs/meet/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/proc.h"
#include "base/send_file.h"
#include "base/system_calls.h"

namespace chrun::squashfs {
namespace {

/// Room for the control messages that carry one descriptor, and tell the sender in two ways.
union Control {
  cmsghdr header;
  char bytes[2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
};

void take_control(msghdr& message, Packet& packet) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET) continue;
    int number = -1;
    ucred sender{};
    if (each->cmsg_type == SCM_CREDENTIALS)
      memcpy(&sender, CMSG_DATA(each), sizeof sender);
    else
      memcpy(&number, CMSG_DATA(each), sizeof number);
    if (each->cmsg_type == SCM_RIGHTS) packet.descriptor = Fd(number);
    if (each->cmsg_type == kScmPidfd) packet.process = Fd(number);
    if (each->cmsg_type == SCM_CREDENTIALS) packet.sender = sender.pid;
  }
}

/// −1, forever, if there is no deadline.
int milliseconds_until(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 60'000));
}

}  // namespace

bool send_packet(int socket, std::string_view text, int descriptor) {
  return send_file(socket, text, descriptor, MSG_DONTWAIT) >= 0;
}

std::optional<Packet> receive_packet(int socket, Clock::time_point deadline) {
  pollfd wait{socket, POLLIN, 0};
  for (int ready = 0; ready <= 0;) {
    ready = poll(&wait, 1, milliseconds_until(deadline));
    if (ready == 0 || (ready < 0 && errno != EINTR)) return {};
  }
  Packet packet{};
  // not filled with anything: a page that is never touched costs nothing
  const auto text = std::make_unique_for_overwrite<char[]>(kMostText);
  iovec part{text.get(), kMostText};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  // a server that refuses and ends without reading what we sent: first comes the reset, then its words all the same
  if (size < 0 && errno == ECONNRESET) size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) return {};
  take_control(message, packet);
  if (size == 0) return {};
  packet.text.assign(text.get(), static_cast<size_t>(size));
  return packet;
}

bool peer_is_self(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

void know_senders(int socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  // before Linux 6.5 there is the number alone, which could be another process's by now, were numbers used up so soon
  setsockopt(socket, SOL_SOCKET, kPassPidfd, &yes, sizeof yes);
}

bool is_from_outside(const Packet& packet) {
  if (packet.sender <= 0) return false;
  if (!is_in_own_user_namespace(AT_FDCWD, "/proc/" + std::to_string(packet.sender) + "/ns/user").value_or(false))
    return false;
  // alive still: so it was the sender that had this number when we looked
  return !packet.process || syscall(kPidfdSendSignal, packet.process.get(), 0, nullptr, 0) == 0;
}

}  // namespace chrun::squashfs
