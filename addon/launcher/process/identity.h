// The synthetic /etc/passwd and /etc/group: root, nobody, and the one user of the container.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "launcher/files/stage.h"
#include "launcher/process/host_names.h"

namespace chrun {

/// Fresh passwd and group files over those of the image, which name guest ids `uid` and `gid` as the host does (a
/// stand-in where it knows no name). They live in a private tmpfs, and are written when the container is ready for its
/// command: the host may take its time to answer. An image without these files is left as it is, with a warning.
class Identity {
 public:
  /// Looks up the names. Must come before the mount namespace.
  Identity(uid_t uid, gid_t gid);
  /// Binds the files, which are empty still. Throws SysError.
  void bind(Stage& stage, int root);
  /// Writes them, with that home directory of the user. Throws SysError.
  void write(const std::string& home);

 private:
  uid_t uid_;
  gid_t gid_;
  HostNames names_;
  Fd passwd_, group_;
};

/// What HOME is where nobody asks for another, in the container: /root if the image has it, else /.
std::string default_home();

}  // namespace chrun
