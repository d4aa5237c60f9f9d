#include "launcher/process/gate.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/error.h"

namespace chrun {

void Gate::wait() {
  for (;;) {
    Fd connection(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      throw Refused("accept").cannot("wait for the start of the container");
    }
    Channel starter(std::move(connection));
    const auto message = starter.receive();
    if (!message || message->kind != kOpen) continue;
    starter_ = std::move(starter);
    listening_.reset();
    return;
  }
}

void Gate::open(const Channel& gate) {
  bool opened = false;
  if (gate.send(kOpen)) {
    while (const auto message = gate.receive()) {
      if (message->kind != kOpened) refuse_message();
      opened = true;
    }
  }
  if (!opened) throw Error("the first process of the container ended before it was started");
}

}  // namespace chrun
