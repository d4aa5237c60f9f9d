#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/error.h"

namespace chrun {
std::string read_all(int fd, const std::string& name, size_t limit) {
  std::string bytes;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Refused("read").cannot("read " + name);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
    if (bytes.size() > limit) throw Error(name + " is larger than " + std::to_string(limit) + " bytes");
  }
}

void write_all(int fd, std::string_view bytes, const std::string& name) {
  const IgnoreSignal ignore(SIGXFSZ);
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw Refused("write").cannot("write " + name);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

Fd memory_file(const char* name, std::string_view bytes, bool inherited) {
  Fd file(memfd_create(name, inherited ? 0 : MFD_CLOEXEC));
  if (!file) throw Refused("memfd_create").cannot(std::string("create the memory file ") + name);
  // made with mode 0777: a plan that others may write would be refused
  if (fchmod(file.get(), 0600) != 0)
    throw Refused("fchmod").cannot(std::string("set the mode of the memory file ") + name);
  write_all(file.get(), bytes, name);
  if (lseek(file.get(), 0, SEEK_SET) != 0) throw Refused("lseek").cannot(std::string("rewind the memory file ") + name);
  return file;
}

Fd above_standard(Fd file) {
  if (!file || file.get() > 2) return file;
  Fd moved(fcntl(file.get(), F_DUPFD_CLOEXEC, 3));
  if (!moved) throw Refused("fcntl").cannot("keep a descriptor from the command's standard ones");
  return moved;
}

void make_directories(const std::string& path, unsigned mode) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), mode) != 0 && errno != EEXIST) throw Refused("mkdir").cannot("create " + part);
    if (slash == std::string::npos) return;
  }
}

}  // namespace chrun
