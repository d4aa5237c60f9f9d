#include "squashfs/meet/door.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/hash.h"

namespace chrun::squashfs {
namespace {

constexpr char kPrefix[] = "ch-run-ts-squashfs-";

/// By the user's number, not by a variable: a process started as another user still has that of the first.
std::string directory_path() { return "/run/user/" + std::to_string(geteuid()); }

Fd open_directory() {
  Fd directory(open(directory_path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  const bool own = directory && fstat(directory.get(), &status) == 0 && status.st_uid == geteuid() &&
                   (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
                   faccessat(directory.get(), ".", W_OK, AT_EACCESS) == 0;
  return own ? std::move(directory) : Fd();
}

struct Address {
  explicit Address(const std::string& name) {
    socket.sun_family = AF_UNIX;
    const size_t start = name.starts_with('/') ? 0 : 1;  // the NUL byte of an abstract name
    name.copy(socket.sun_path + start, sizeof socket.sun_path - start - 1);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
  }
  const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&socket); }
  sockaddr_un socket{};
  socklen_t size;
};

Fd new_socket(int flags) {
  Fd made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!made) throw Refused("socket").cannot("create a socket for the file-system server");
  return made;
}

bool is_dead(const std::string& path) {
  const Fd made = new_socket(SOCK_NONBLOCK);
  const Address address(path);
  return connect(made.get(), address.pointer(), address.size) < 0 && errno == ECONNREFUSED;
}

/// What servers that were killed have left. Only under the lock: a socket that is bound and does not listen yet looks
/// the same.
void sweep(int directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(fdopendir(dup(directory)), closedir);
  if (!listing) return;
  rewinddir(listing.get());
  while (const dirent* entry = readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(kPrefix) && is_dead(directory_path() + "/" + entry->d_name))
      unlinkat(directory, entry->d_name, 0);
  }
}

}  // namespace

Door::Door(std::string_view identity) : directory_(open_directory()) {
  char digits[40];
  snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash(identity, kHashStart)),
           static_cast<unsigned long long>(hash(identity, 0x84222325cbf29ce4)));
  name_ = (directory_ ? directory_path() + "/" : "") + kPrefix + digits;
}

Door::Answer Door::knock(Clock::time_point deadline) const {
  Fd made = new_socket(0);
  const Address address(name_);
  // connect(2) sleeps where the queue of a stopped server is full
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  const int wait = static_cast<int>(std::clamp<long>(left, 1, 60'000));
  const timeval limit{wait / 1000, wait % 1000 * 1000};
  setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(made.get(), address.pointer(), address.size) < 0) return {};
  if (!peer_is_self(made.get())) return {{}, true};
  know_senders(made.get());
  return {std::move(made)};
}

Fd Door::take() const {
  if (directory_) {
    // the process that holds the lock is about to listen; it ends with this object
    if (flock(directory_.get(), LOCK_EX | LOCK_NB) < 0) return {};
    sweep(directory_.get());
  }
  Fd made = new_socket(SOCK_NONBLOCK);
  const Address address(name_);
  const bool bound = bind(made.get(), address.pointer(), address.size) == 0;
  if (!bound && errno != EADDRINUSE) throw Refused("bind").cannot("create the socket of the file-system server");
  // where it is a file, its mode says who may connect; the user's umask may leave nobody
  if (bound && address.socket.sun_path[0] == '/' && fchmodat(AT_FDCWD, address.socket.sun_path, 0600, 0) < 0)
    throw Refused("chmod").cannot("create the socket of the file-system server");
  // the peer credentials that clients check are taken here: the user's, before any namespace
  if (bound && listen(made.get(), SOMAXCONN) < 0)
    throw Refused("listen").cannot("create the socket of the file-system server");
  if (directory_) flock(directory_.get(), LOCK_UN);
  return bound ? std::move(made) : Fd();
}

void Door::remove_name(int listening) {
  sockaddr_un address;
  socklen_t size = sizeof address;
  if (getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size) == 0 && address.sun_path[0] == '/')
    unlinkat(AT_FDCWD, address.sun_path, 0);
}

}  // namespace chrun::squashfs
