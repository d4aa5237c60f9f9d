#include "squashfs/client/client.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>

#include "base/error.h"
#include "base/system_calls.h"
#include "squashfs/client/spawn.h"
#include "squashfs/meet/door.h"
#include "squashfs/meet/fuse_device.h"
#include "squashfs/meet/refusal.h"
#include "squashfs/meet/sharing.h"

namespace chrun::squashfs {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 700ms;     // with a server that others started: then a private one, all within a second
constexpr int kMostSilent = 100;      // tries, 0.5 ms each, with a name that is taken though nobody listens
constexpr auto kStartPatience = 30s;  // with our own, which says so when it fails: its program may lie on a slow disk

Fd open_image(const HostPath& path, uint64_t offset) {
  Fd image(openat(path.start(), path.name(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!image) throw Refused("open").cannot("open image " + path.path);
  char magic[4] = {};
  if (pread(image.get(), magic, sizeof magic, static_cast<off_t>(offset)) != sizeof magic ||
      std::string_view(magic, sizeof magic) != "hsqs") {
    throw Error("image " + path.path + " is not SquashFS", "a SquashFS file begins with the letters hsqs");
  }
  return image;
}

/// So that the server learns when this process, by then the user's command, has ended.
Fd open_self() {
  Fd self(static_cast<int>(syscall(kPidfdOpen, getpid(), 0)));
  if (!self) throw Refused("pidfd_open").cannot("open a descriptor of this process");
  return self;
}

/// Whether the kernel has detached mounts, and descriptors of processes: not before Linux 5.3, and not where the filter
/// of an outer container refuses what it does not know.
bool can_share_mounts() {
  for (const long call : {kOpenTree, kFsopen, kPidfdOpen}) {
    // with arguments that are wrong everywhere; without privilege, fsopen is refused before they are looked at
    const bool there = syscall(call, -1, nullptr, ~0u) >= 0 || (errno != ENOSYS && (errno != EPERM || call == kFsopen));
    if (!there) return false;
  }
  return true;
}

class Client {
 public:
  explicit Client(const SquashfsRequest& request)
      : request_(request),
        image_(open_image(request.image, request.offset)),
        identity_(sharing_identity(image_.get(), request.offset)),
        door_(identity_) {}

  ServedImage serve() const {
    if (!can_share_mounts()) return {{}, start_unmounted()};
    Packet packet = mount();
    return {std::move(packet.descriptor), {}, packet.text.substr(1)};
  }

 private:
  /// What the server says, with the mount.
  Packet mount() const {
    const auto deadline = Clock::now() + kPatience;
    int silent = 0;
    while (request_.share && Clock::now() < deadline) {
      const auto [server, foreign] = door_.knock(deadline);
      if (foreign) break;
      if (server) {
        auto packet = ask(server.get(), deadline);
        if (packet && !is_from_outside(*packet)) break;
        if (packet && packet->descriptor) return std::move(*packet);
        // it went away between two of its steps: the door is free now, or soon
      } else if (Fd listening = door_.take()) {
        return start(std::move(listening));
      } else if (++silent > kMostSilent) {
        break;
      }
      // whoever was faster listens in a moment
      const timespec moment{0, 500'000};
      nanosleep(&moment, nullptr);
    }
    return start({});
  }

  std::optional<Packet> ask(int socket, Clock::time_point deadline) const {
    const Fd self = open_self();
    // a server that has refused and gone can't be sent to, but its words are still there
    send_packet(socket, identity_, self.get());
    if (request_.meanwhile) request_.meanwhile();
    return receive_packet(socket, deadline);
  }

  /// Starts a server that makes the mount, with a listening socket to share it.
  Packet start(Fd listening) const {
    const bool shared = bool(listening);
    const Fd server = spawn_server(std::move(listening));
    if (shared) send_look_ups(server.get());
    return checked(ask(server.get(), Clock::now() + kStartPatience));
  }

  /// What others are going to look up, too.
  void send_look_ups(int server) const {
    std::string text(1, kLookUp);
    for (const std::string& path : request_.look_ups) {
      if (text.size() + path.size() >= kMostText) break;
      text.append(path).push_back('\0');
    }
    send_packet(server, text);
  }

  /// Starts a server that waits for a device.
  Fd start_unmounted() const {
    Fd server = spawn_server({}, kUnmounted);
    if (request_.meanwhile) request_.meanwhile();
    checked(receive_packet(server.get(), Clock::now() + kStartPatience));
    return server;
  }

  /// Throws what the server says, or that it says nothing.
  Packet checked(std::optional<Packet> packet) const {
    if (!packet)
      throw Error("the file-system server of image " + request_.image.path + " ended before it was ready", "",
                  Exit::server);
    if (packet->text[0] != kGranted) throw_refusal(packet->text);
    return std::move(*packet);
  }

  /// Our end of the socket to a new server.
  Fd spawn_server(Fd listening, const char* mode = nullptr) const {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
      throw Refused("socketpair").cannot("create a socket for the file-system server");
    }
    Fd ours(pair[0]);
    const Fd theirs(pair[1]);
    std::vector<std::string> words{"ch-run-ts-squashfs", std::to_string(theirs.get()), std::to_string(image_.get()),
                                   request_.image.path, std::to_string(request_.offset)};
    std::vector<int> inherited{theirs.get(), image_.get()};
    if (listening) {
      words.push_back(std::to_string(listening.get()));
      inherited.push_back(listening.get());
    }
    if (mode) words.push_back(mode);
    // without detached mounts, a server has no second process that could write a record
    const ReadsPlace reads = request_.reads && !mode ? request_.reads() : ReadsPlace();
    if (reads.directory) {
      words.push_back(kReadsWord + std::to_string(reads.directory.get()) + "," + std::to_string(reads.command));
      inherited.push_back(reads.directory.get());
    }
    spawn_orphan(request_.server(), words, inherited);
    return ours;
  }

  const SquashfsRequest& request_;
  const Fd image_;
  const std::string identity_;
  const Door door_;
};

}  // namespace

ServedImage serve_squashfs(const SquashfsRequest& request) { return Client(request).serve(); }

void mount_served(const ServedImage& image, const std::string& place) {
  if (image.mount) {
    if (syscall(kMoveMount, image.mount.get(), "", AT_FDCWD, place.c_str(), kMoveMountEmptyPath) == 0) return;
    throw Refused("move_mount").cannot("mount the image at " + place);
  }
  const Fd device = open_fuse_device();
  std::string options = "fd=" + std::to_string(device.get());
  for (const auto& [key, value] : kFuseOptions) (options += ',') += value ? std::string(key) + "=" + value : key;
  if (::mount("ch-run-ts", place.c_str(), "fuse.squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    throw Refused("mount").cannot("mount the image at " + place).about("FUSE");
  }
  if (!send_packet(image.server.get(), std::string(1, kGranted), device.get())) {
    throw Error("the image's file-system server ended before the command could start", {}, Exit::server);
  }
}

}  // namespace chrun::squashfs
