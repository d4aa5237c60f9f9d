// The synthetic /etc/passwd and /etc/group: root, nobody, and the one user of the container.
#pragma once
#include <sys/types.h>

namespace chrun {

/// Binds fresh passwd and group files, which name guest ids `uid` and `gid` as the host's name service knows
/// them (a stand-in name if it does not), over those of the image. The files live in a private tmpfs.
/// An image without these files is left as it is, with a warning. Must come before the bind of /dev. Throws SysError.
void bind_identity(int root, uid_t uid, gid_t gid);

}  // namespace chrun
