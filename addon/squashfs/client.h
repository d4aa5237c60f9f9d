// The launcher's side: from an image file to a mount of it that can be attached anywhere.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun::squashfs {

struct SquashfsRequest {
  std::string image;   // path of the image file
  std::string server;  // path of the program ch-run-ts-squashfs
  bool share = true;   // use a server that is there already, and be found by later launches
};

/// A detached read-only mount of the image, for move_mount(2) with MOVE_MOUNT_F_EMPTY_PATH in the caller's own
/// namespaces, made before or after. Connects to a file-system server of this user and image, or starts one. Call it
/// before unshare(2). The process that calls it is the container's main process: a shared server is open for more
/// launches as long as it lives (also through execve(2)), and serves as long as the mount is in use anywhere.
///
/// Leaves no child, descriptor, signal handler or signal mask behind. Never waits longer than a second for a server
/// that does not answer. Throws Error or SysError; with Exit::server where the server ended before it was ready.
Fd mount_squashfs(const SquashfsRequest& request);

}  // namespace chrun::squashfs
