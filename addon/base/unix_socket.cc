#include "base/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstdio>

#include "base/error.h"

namespace chrun {

sockaddr_un address_in(const Fd& directory, const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory.get(), name);
  return address;
}

Fd connect_to(const std::string& path, int type, const std::string& action) {
  const Fd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  // as connect(2) itself would say it
  if (!place) throw Refused("connect").cannot(action);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", place.get());
  Fd connection(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!connection) throw Refused("socket").cannot(action);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Refused("connect").cannot(action);
  return connection;
}

}  // namespace chrun
