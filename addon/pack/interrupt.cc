#include "pack/interrupt.h"

namespace chrun::pack {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
volatile sig_atomic_t received = 0;

}  // namespace

SignalsHeld::SignalsHeld() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { received = signal; };
  for (int i = 0; i < 3; ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    // nohup(1)
    if (before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

SignalsHeld::~SignalsHeld() {
  for (int i = 0; i < 3; ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

void check_signals() {
  if (received != 0) throw Interrupted{received};
}

}  // namespace chrun::pack
