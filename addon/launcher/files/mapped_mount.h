// Mounts whose files have other ids than on their file system: idmapped mounts, Linux 5.12.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// Which ids become which: lines of `ON-DISK SHOWN COUNT`, as of user_namespaces(7).
struct MountMaps {
  std::string users, groups;
};

/// A detached copy of the mount at a host path, `recursive`: with all mounts below, with mapped ids. This is for root
/// of the machine, before it enters a user namespace. Throws SysError.
Fd copy_mapped(const std::string& source, bool recursive, bool maps_below, const MountMaps& maps);

}  // namespace chrun
