#include "squashfs/server/doorkeeper.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/error.h"

namespace chrun::squashfs {
namespace {

using namespace std::chrono_literals;

constexpr auto kGrace = 1s;              // between two launches of a script that runs one after the other
constexpr auto kLauncherPatience = 30s;  // with the launcher that started us
constexpr auto kTidyDelay = 2s;

Fd checked(int number, const char* call) {
  if (number < 0) throw Refused(call).cannot("prepare the file-system server");
  return Fd(number);
}

}  // namespace

Doorkeeper::Doorkeeper(Fd launcher, Fd listening, std::function<bool()> tidy, std::function<void()> finish_reads)
    : tidy_(std::move(tidy)),
      finish_reads_(std::move(finish_reads)),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      launcher_(std::move(launcher)),
      listening_(std::move(listening)) {}

void Doorkeeper::refuse(const std::string& refusal) { send_packet(launcher_.get(), refusal); }

void Doorkeeper::wake() const {
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

bool Doorkeeper::watch(Kind kind, Fd descriptor) {
  const int number = descriptor.get();
  epoll_event event{.events = EPOLLIN, .data = {.fd = number}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, number, &event) < 0) return false;
  watched_[number] = {kind, std::move(descriptor)};
  return true;
}

Fd Doorkeeper::receive_device() {
  send_packet(launcher_.get(), std::string(1, kGranted));
  auto packet = receive_packet(launcher_.get(), Clock::now() + kLauncherPatience);
  if (!packet || !packet->descriptor) _exit(static_cast<int>(Exit::failure));
  launcher_.reset();
  return std::move(packet->descriptor);
}

/// The launcher that started us. Where it has died meanwhile, others may stand at the door.
void Doorkeeper::serve_launcher() {
  auto request = receive_packet(launcher_.get(), Clock::now() + kLauncherPatience);
  if (listening_ && request && request->text[0] == kLookUp) {
    mounter_->look_up(std::string_view(request->text).substr(1));
    request = receive_packet(launcher_.get(), Clock::now() + kLauncherPatience);
  }
  if (!listening_) {
    if (request) send_packet(launcher_.get(), kGranted + note_, mounter_->take_mount().get());
    private_ = true;
    if (!reads_until_) mounter_.reset();
  } else {
    if (request && request->descriptor) {
      identity_ = request->text;
      grant(launcher_.get(), std::move(request->descriptor));
    }
    watch(Kind::listening, std::move(listening_));
  }
  launcher_.reset();
}

void Doorkeeper::run() {
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_.get()}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  if (launcher_) serve_launcher();
  open_or_close_door();
  for (;;) {
    epoll_event events[16];
    const int count = epoll_wait(epoll_.get(), events, std::size(events), timeout());
    for (int each = 0; each < count; ++each) handle(events[each].data.fd);
    pass_time();
  }
}

void Doorkeeper::handle(int number) {
  if (number == wake_.get()) {
    uint64_t times;
    (void)!read(number, &times, sizeof times);
    tidy_at_ = Clock::now() + kTidyDelay;
    return;
  }
  const auto found = watched_.find(number);
  if (found == watched_.end()) return;
  switch (found->second.kind) {
    case Kind::listening:
      return admit();
    case Kind::launcher:
      return answer(number);
    case Kind::main_process:
      --main_processes_;
      forget(number);
      finish_reads();
      return open_or_close_door();
  }
}

void Doorkeeper::close_door() {
  const auto listening = find_listening();
  if (listening == watched_.end()) return;
  Door::remove_name(listening->first);
  watched_.erase(listening);
}

void Doorkeeper::admit() {
  const auto listening = find_listening();
  if (listening == watched_.end()) return;
  for (;;) {
    Fd peer(accept4(listening->first, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer && errno == EAGAIN) return;
    if (!peer && (errno == EINTR || errno == ECONNABORTED)) continue;
    // no descriptors left: later launches start another server
    if (!peer) return close_door();
    if (peer_is_self(peer.get())) watch(Kind::launcher, std::move(peer));
  }
}

bool Doorkeeper::grant(int socket, Fd main_process) {
  const Fd copy = mounter_->take_mount();
  // a launcher that has lost patience is not counted: it has a private server by now
  if (!copy || !send_packet(socket, kGranted + note_, copy.get())) return false;
  // one that can't be watched must not keep the door open forever
  if (watch(Kind::main_process, std::move(main_process))) ++main_processes_;
  mounter_->prepare_mount();
  return true;
}

void Doorkeeper::answer(int number) {
  auto request = receive_packet(number, Clock::now());
  if (request && identity_.empty()) identity_ = request->text;
  if (request && mounter_ && request->text == identity_ && request->descriptor)
    grant(number, std::move(request->descriptor));
  forget(number);
  open_or_close_door();
}

void Doorkeeper::open_or_close_door() {
  if (main_processes_ > 0 || !mounter_ || private_) {
    close_at_.reset();
  } else if (!close_at_) {
    close_at_ = Clock::now() + kGrace;
  }
}

int Doorkeeper::timeout() const {
  constexpr auto kNever = Clock::time_point::max();
  const auto next = std::min({close_at_.value_or(kNever), tidy_at_.value_or(kNever), reads_until_.value_or(kNever)});
  if (next == kNever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 60'000));
}

void Doorkeeper::pass_time() {
  if (tidy_at_ && Clock::now() >= *tidy_at_) {
    tidy_at_.reset();
    if (tidy_()) tidy_at_ = Clock::now() + kTidyDelay;
  }
  if (reads_until_ && Clock::now() >= *reads_until_) finish_reads();
  if (!close_at_ || Clock::now() < *close_at_) return;
  // launchers that wait are let in, and the door stays open; one that comes just before it is shut finds
  // its connection cut, and starts a new server
  admit();
  const bool somebody = std::any_of(watched_.begin(), watched_.end(),
                                    [](const auto& each) { return each.second.kind == Kind::launcher; });
  if (somebody && Clock::now() < *close_at_ + kGrace) return;
  close_door();
  watched_.clear();
  close_at_.reset();
  finish_reads();
  mounter_.reset();
}

void Doorkeeper::finish_reads() {
  if (!reads_until_) return;
  reads_until_.reset();
  finish_reads_();
  if (private_) mounter_.reset();
}

}  // namespace chrun::squashfs
