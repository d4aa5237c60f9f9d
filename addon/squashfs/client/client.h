// The launcher's side: from an image file to a mount of it that can be attached anywhere.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/host_path.h"
#include "base/own_path.h"

namespace chrun::squashfs {

/// Where reads are remembered, and whose.
struct ReadsPlace {
  Fd directory;  // none: nowhere
  uint64_t command = 0;
};

struct SquashfsRequest {
  HostPath image;
  uint64_t offset = 0;  // where in the file the SquashFS begins
  // Guest paths that every launch looks up. The server does so before it gives the mount to a second launcher: since
  // Linux 6.16 look-ups of one name by several processes at once may leave FUSE with an entry that is there and counts
  // as removed (docs/troubleshooting.md).
  std::vector<std::string> look_ups{};
  std::function<Program()> server{};    // called only if one is started: its program
  std::function<ReadsPlace()> reads{};  // called only if a server is started; none: reads are not remembered
  std::function<void()> meanwhile{};    // called while a server is asked, at least once: what needs no image
  bool share = true;                    // use a server that is there already, and be found by later launches
};

/// An image that a file-system server is ready to serve. One of the two is set.
struct ServedImage {
  Fd mount;            // detached and read-only, for move_mount(2) with MOVE_MOUNT_F_EMPTY_PATH in any namespaces
  Fd server;           // before Linux 5.3: waits for the device of a mount that the caller makes, by send_device()
  std::string note{};  // what the server says about remembered reads; only with a mount
};

/// Connects to a file-system server of this user and image, or starts one. Call it before unshare(2). The process that
/// calls it is the container's main process: a shared server is open for more launches as long as it lives (also
/// through execve(2)), and serves as long as the mount is in use anywhere. Kernels without detached mounts have a
/// server for each launch.
///
/// Leaves no child, signal handler or signal mask behind. Never waits longer than a second for a server that does not
/// answer. Throws Error or SysError; with Exit::server where the server ended before it was ready.
ServedImage serve_squashfs(const SquashfsRequest& request);

/// Mounts the image at `place` in namespaces of the caller's own, in which it is root, and tells the server.
void mount_served(const ServedImage& image, const std::string& place);

}  // namespace chrun::squashfs
