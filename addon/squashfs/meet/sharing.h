// Which launches may share a file-system server.
#pragma once
#include <cstdint>
#include <string>

namespace chrun::squashfs {

/// What has to be the same: user, group, the image file as it is now and where in it the SquashFS begins, namespaces,
/// and what a server has from the launcher that started it and can't change: control groups (who is ended with them),
/// hard limits, priorities. One server has one identity. Throws SysError.
std::string sharing_identity(int image, uint64_t offset);

/// Makes this process the same for all of an identity, as far as the kernel allows: soft limits, processors, memory
/// policy. Of the processors it leaves out none that the control group has: the launcher may be one of many ranks, each
/// bound to its own.
void leave_own_settings();

}  // namespace chrun::squashfs
