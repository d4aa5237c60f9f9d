// What a FUSE mount of an image is made of, whichever program makes it.
#pragma once
#include <fcntl.h>

#include <cstdint>

#include "base/error.h"
#include "base/fd.h"

namespace chrun::squashfs {

/// Only in the namespaces that mount: the device must belong to the user namespace that mounts it.
inline Fd open_fuse_device() {
  Fd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) throw Refused("open").cannot("open /dev/fuse").about("/dev/fuse");
  return device;
}

struct FuseOption {
  const char* key;
  const char* value;  // nullptr: there is none
};

/// Longer reads are split by the kernel, which would take a short answer to them for the end of the file.
inline constexpr uint32_t kLongestRead = 1 << 20;

/// Besides `fd`. Containers live in user namespaces beside the one that mounts. Without allow_other FUSE lets in the
/// processes of this user and group whatever their namespace; with it, only processes of our namespace and those below.
inline constexpr FuseOption kFuseOptions[] = {
    {"rootmode", "40000"},   {"user_id", "0"}, {"group_id", "0"}, {"default_permissions", nullptr},
    {"max_read", "1048576"},  // kLongestRead
};

}  // namespace chrun::squashfs
