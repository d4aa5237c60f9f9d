#include "squashfs/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace chrun::squashfs {
namespace {

constexpr size_t kMostText = 4096;
constexpr char kFormat[] = "1";  // of the packets; another version of ours finds another door

/// Room for the control message that carries one descriptor.
union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

Fd take_descriptor(msghdr& message) {
  const cmsghdr* control = CMSG_FIRSTHDR(&message);
  if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) return {};
  int number;
  memcpy(&number, CMSG_DATA(control), sizeof number);
  return Fd(number);
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 60'000));
}

uint64_t hash(std::string_view text, uint64_t value) {  // FNV-1a: distinguishes, need not withstand attacks
  for (const unsigned char byte : text) value = (value ^ byte) * 0x100000001b3;
  return value;
}

std::string read_file(const char* path) {
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  char text[kMostText];
  const ssize_t size = file ? read(file.get(), text, sizeof text) : 0;
  return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
}

/// The control group of the batch job's step, empty outside of one. A batch system kills what is left of a step when it
/// ends; a server that outlived its own would take the containers of another along.
std::string batch_step() {
  const std::string groups = read_file("/proc/self/cgroup");
  const size_t job = groups.find("/job_");
  if (job == std::string::npos) return {};
  const size_t end = std::min(groups.find('\n', job), groups.size());
  std::string path = groups.substr(job, end - job);
  return path.substr(0, path.find('/', path.find("/step_") == std::string::npos ? 1 : path.find("/step_") + 1));
}

}  // namespace

bool send_packet(int socket, std::string_view text, int descriptor) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

std::optional<Packet> receive_packet(int socket, Clock::time_point deadline) {
  pollfd wait{socket, POLLIN, 0};
  for (int ready = 0; ready <= 0;) {
    ready = poll(&wait, 1, milliseconds_until(deadline));
    if (ready == 0 || (ready < 0 && errno != EINTR)) return {};
  }
  std::string text(kMostText, '\0');
  iovec part{text.data(), text.size()};
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
  Fd descriptor = take_descriptor(message);
  if (size == 0) return {};
  text.resize(static_cast<size_t>(size));
  return Packet{std::move(text), std::move(descriptor)};
}

bool peer_is_self(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

std::string sharing_identity(int image) {
  struct stat file, processes;
  if (fstat(image, &file) < 0) throw SysError("examine the image", "fstat");
  if (stat("/proc/self/ns/pid", &processes) < 0) throw SysError("examine /proc/self/ns/pid", "stat");
  std::string text = kFormat;
  const auto add = [&](auto number) { text.append(" ").append(std::to_string(number)); };
  add(geteuid());
  add(getegid());
  add(file.st_dev);
  add(file.st_ino);
  add(file.st_size);
  add(file.st_mtim.tv_sec);
  add(file.st_mtim.tv_nsec);
  add(file.st_ctim.tv_sec);
  add(file.st_ctim.tv_nsec);
  add(processes.st_ino);
  return text.append(" ").append(batch_step());
}

Door::Door(std::string_view identity) {
  char digits[40];
  snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash(identity, 0xcbf29ce484222325)),
           static_cast<unsigned long long>(hash(identity, 0x84222325cbf29ce4)));
  name_ = std::string("ch-run-ts-squashfs-") + digits;
}

namespace {

socklen_t abstract_address(const std::string& name, sockaddr_un& address) {
  address = {.sun_family = AF_UNIX, .sun_path = {}};
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

Fd new_socket(int flags) {
  Fd made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!made) throw SysError("make a socket for the file-system server", "socket");
  return made;
}

}  // namespace

Fd Door::knock(Clock::time_point deadline) const {
  Fd made = new_socket(0);
  sockaddr_un address;
  const socklen_t size = abstract_address(name_, address);
  // connect(2) sleeps where the queue of a stopped server is full
  const int wait = std::max(milliseconds_until(deadline), 1);
  const timeval limit{wait / 1000, wait % 1000 * 1000};
  setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(made.get(), reinterpret_cast<sockaddr*>(&address), size) < 0) return {};
  return peer_is_self(made.get()) ? std::move(made) : Fd();
}

Fd Door::take() const {
  Fd made = new_socket(SOCK_NONBLOCK);
  sockaddr_un address;
  const socklen_t size = abstract_address(name_, address);
  if (bind(made.get(), reinterpret_cast<sockaddr*>(&address), size) < 0) {
    if (errno == EADDRINUSE) return {};
    throw SysError("open the door of the file-system server", "bind");
  }
  // the peer credentials that clients check are taken here: the user's, before any namespace
  if (listen(made.get(), SOMAXCONN) < 0) throw SysError("open the door of the file-system server", "listen");
  return made;
}

}  // namespace chrun::squashfs
