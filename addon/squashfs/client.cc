#include "squashfs/client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/error.h"
#include "squashfs/channel.h"
#include "squashfs/spawn.h"

namespace chrun::squashfs {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 700ms;     // with a server that others started: then a private one, all within a second
constexpr auto kStartPatience = 30s;  // with our own, which says so when it fails: its program may lie on a slow disk

Fd open_image(const std::string& path) {
  Fd image(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!image) throw SysError("open image " + path, "open");
  char magic[4] = {};
  if (pread(image.get(), magic, sizeof magic, 0) != sizeof magic || std::string_view(magic, sizeof magic) != "hsqs") {
    throw Error("image " + path + " is not SquashFS", "a SquashFS file begins with the letters hsqs");
  }
  return image;
}

/// So that the server learns when this process, by then the user's command, has ended.
Fd open_self() {
  Fd self(static_cast<int>(syscall(434 /* pidfd_open */, getpid(), 0)));
  if (!self) throw SysError("open a descriptor of this process", "pidfd_open");
  return self;
}

[[noreturn]] void throw_refusal(const std::string& reply) {
  const size_t end = reply.find('\0');
  throw Error(reply.substr(1, end == std::string::npos ? end : end - 1),
              end == std::string::npos ? "" : reply.substr(end + 1), Exit::server);
}

class Client {
 public:
  explicit Client(const SquashfsRequest& request)
      : request_(request),
        image_(open_image(request.image)),
        identity_(sharing_identity(image_.get())),
        door_(identity_) {}

  Fd mount() const {
    const auto deadline = Clock::now() + kPatience;
    while (request_.share && Clock::now() < deadline) {
      if (const Fd server = door_.knock(deadline)) {
        if (auto packet = ask(server.get(), deadline); packet && packet->descriptor)
          return std::move(packet->descriptor);
        // it went away between two of its steps: the door is free now, or soon
      } else if (Fd listening = door_.take()) {
        return start(std::move(listening));
      }
      // whoever was faster listens in a moment
      const timespec moment{0, 500'000};
      nanosleep(&moment, nullptr);
    }
    return start({});
  }

 private:
  std::optional<Packet> ask(int socket, Clock::time_point deadline) const {
    const Fd self = open_self();
    // a server that has refused and gone can't be sent to, but its words are still there
    send_packet(socket, identity_, self.get());
    return receive_packet(socket, deadline);
  }

  /// Starts a server, with a listening socket to share it.
  Fd start(Fd listening) const {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
      throw SysError("make a socket for the file-system server", "socketpair");
    }
    const Fd ours(pair[0]);
    Fd theirs(pair[1]);
    std::vector<std::string> words{"ch-run-ts-squashfs", std::to_string(theirs.get()), std::to_string(image_.get()),
                                   request_.image};
    std::vector<int> inherited{theirs.get(), image_.get()};
    if (listening) {
      words.push_back(std::to_string(listening.get()));
      inherited.push_back(listening.get());
    }
    spawn_orphan(request_.server, words, inherited);
    theirs.reset();
    listening.reset();
    auto packet = ask(ours.get(), Clock::now() + kStartPatience);
    if (!packet)
      throw Error("the file-system server of image " + request_.image + " ended before it was ready", "", Exit::server);
    if (packet->text[0] != kGranted || !packet->descriptor) throw_refusal(packet->text);
    return std::move(packet->descriptor);
  }

  const SquashfsRequest& request_;
  const Fd image_;
  const std::string identity_;
  const Door door_;
};

}  // namespace

Fd mount_squashfs(const SquashfsRequest& request) { return Client(request).mount(); }

}  // namespace chrun::squashfs
