#include "squashfs/server/mounter.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/system_calls.h"
#include "refusals/hints.h"
#include "squashfs/meet/channel.h"
#include "squashfs/meet/refusal.h"
#include "squashfs/server/mount.h"
#include "squashfs/server/sandbox.h"

namespace chrun::squashfs {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr char kCopy[] = "+";
constexpr char kSave = '%';  // then the size, a space and the name of a record
constexpr char kName[] = "ch-run-ts-mount";

const std::string kGrantedPacket(1, kGranted);

void look_up_each(int root, std::string_view paths) {
  while (!paths.empty()) {
    const std::string path(paths.substr(0, paths.find('\0')));
    const OpenHow how{O_PATH | O_CLOEXEC, 0, kResolveInRoot};
    // that a path is not there is worth knowing, too
    const Fd found(static_cast<int>(syscall(kOpenat2, root, path.c_str(), &how, sizeof how)));
    paths.remove_prefix(std::min(paths.size(), path.size() + 1));
  }
}

void save(const ReadsStore& reads, const std::string& words) {
  const size_t space = words.find(' ');
  if (reads && space != std::string::npos) reads.save(words.substr(space + 1), strtoul(words.c_str(), nullptr, 10));
}

/// `mount`: none where the only one was given away.
void answer(int channel, const SharedMount* mount, const ReadsStore& reads) {
  while (const auto request = receive_packet(channel, Clock::time_point::max())) {
    if (request->text[0] == kSave) {
      save(reads, request->text.substr(1));
      continue;
    }
    if (!mount) return;
    if (request->text[0] == kLookUp) {
      look_up_each(mount->root(), std::string_view(request->text).substr(1));
      continue;
    }
    const Fd copy = mount->copy();
    if (!send_packet(channel, copy ? kGrantedPacket : std::string(1, kRefused), copy ? copy.get() : -1)) return;
  }
}

/// The life of the process.
void mount_and_copy(int channel, const std::string& image, bool shared, const ReadsStore& reads) {
  enter_namespaces();
  FuseMount made = make_mount(image);
  leave_host_mounts();
  send_packet(channel, kGrantedPacket, made.device.get());
  made.device.reset();
  if (!shared) {
    send_packet(channel, kGrantedPacket, made.root.get());
    made.root.reset();
    if (!reads) return;
    enter_sandbox(Role::mounter);
    return answer(channel, nullptr, reads);
  }
  const SharedMount mount(std::move(made.root));
  enter_sandbox(Role::mounter);
  answer(channel, &mount, reads);
}

}  // namespace

Mounter::Mounter(const std::string& image, bool shared, const std::vector<const Fd*>& outside, char* name,
                 const ReadsStore& reads)
    : shared_(shared) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    throw Refused("socketpair").cannot("start the file-system server");
  channel_ = Fd(pair[0]);
  const Fd theirs(pair[1]);
  const pid_t child = fork();
  if (child < 0) throw Refused("fork").cannot("start the file-system server");
  if (child > 0) return;
  channel_.reset();
  for (const Fd* descriptor : outside) ::close(descriptor->get());
  prctl(PR_SET_NAME, kName);
  strncpy(name, kName, strlen(name));
  try {
    mount_and_copy(theirs.get(), image, shared, reads);
  } catch (const Error& error) {
    send_packet(theirs.get(), refusal_packet(error, hint_for(error)));
  }
  _exit(0);
}

Fd Mounter::take_device() {
  auto packet = receive_packet(channel_.get(), Clock::now() + kPatience);
  if (!packet) throw Error("the file-system server could not mount the image", {}, Exit::server);
  if (!packet->descriptor) throw_refusal(packet->text);
  return std::move(packet->descriptor);
}

Fd Mounter::take_mount() {
  prepare_mount();
  prepared_ = false;
  auto packet = receive_packet(channel_.get(), Clock::now() + kPatience);
  return packet ? std::move(packet->descriptor) : Fd();
}

void Mounter::prepare_mount() {
  if (shared_ && !prepared_) prepared_ = send_packet(channel_.get(), kCopy);
}

std::string Mounter::save_words(const ReadsKey& key, size_t size) {
  return kSave + std::to_string(size) + " " + reads_name(key);
}

void Mounter::look_up(std::string_view paths) {
  std::string text(1, kLookUp);
  send_packet(channel_.get(), text.append(paths));
}

}  // namespace chrun::squashfs
