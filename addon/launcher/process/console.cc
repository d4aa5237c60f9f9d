#include "launcher/process/console.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/image_path.h"
#include "launcher/files/mounts.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

namespace chrun {
namespace {

constexpr const char* kAction = "make a terminal of the container's own";

/// By the device, never by its path: that could lead anywhere.
Fd open_peer(const Fd& master) {
  Fd peer(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!peer) throw Refused("ioctl").cannot(kAction);
  return above_standard(std::move(peer));
}

void show_as_console(const Fd& terminal) {
  const Fd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw Refused("open").cannot(kAction);
  const Fd place = create_in_image(root.get(), "/dev/console", true), mount = copy_tree(terminal.get(), "");
  if (!mount) throw Refused("open_tree").cannot("mount the terminal at /dev/console");
  place_mount(mount.get(), place.get(), "mount the terminal at /dev/console");
}

}  // namespace

Fd become_terminal(uid_t owner, unsigned width, unsigned height, bool console) {
  Fd master = above_standard(Fd(open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW)));
  if (!master) throw Refused("open").cannot(std::string(kAction) + " (/dev/pts/ptmx)");
  int unlocked = 0;
  // fails if it is not a terminal
  if (ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0) throw Refused("ioctl").cannot(kAction);
  const Fd terminal = open_peer(master);
  if (fchown(terminal.get(), owner, static_cast<gid_t>(-1)) != 0 && errno != EPERM && errno != EINVAL)
    throw Refused("fchown").cannot("give the container's user its terminal");
  const winsize size{static_cast<unsigned short>(height), static_cast<unsigned short>(width), 0, 0};
  if ((width || height) && ioctl(terminal.get(), TIOCSWINSZ, &size) != 0) throw Refused("ioctl").cannot(kAction);
  if (console) show_as_console(terminal);
  if (setsid() < 0 && errno != EPERM) throw Refused("setsid").cannot(kAction);
  if (ioctl(terminal.get(), TIOCSCTTY, 0) != 0) throw Refused("ioctl").cannot(kAction);
  for (int stream = 0; stream <= STDERR_FILENO; stream++) {
    if (dup2(terminal.get(), stream) < 0) throw Refused("dup2").cannot(kAction);
  }
  return master;
}

}  // namespace chrun
