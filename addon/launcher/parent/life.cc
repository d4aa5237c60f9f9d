#include "launcher/parent/life.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/error.h"
#include "base/proc.h"
#include "base/system_calls.h"
#include "containers/processes.h"
#include "containers/report.h"
#include "launcher/log/log.h"
#include "launcher/parent/notices.h"
#include "launcher/parent/scope.h"
#include "launcher/process/gate.h"
#include "launcher/process/hooks.h"

namespace chrun {
namespace {

/// A handle on a process, which can't become another one; empty before Linux 5.3. False if it has ended.
bool hold(const ProcessId& process, Fd& handle) {
  handle = Fd(static_cast<int>(syscall(kPidfdOpen, process.pid, 0)));
  // what has this number now is the one that had it when the handle was opened
  return is_alive(process);
}

bool send_signal(const ProcessId& process, int number) {
  Fd handle;
  if (!hold(process, handle)) return false;
  const long sent = handle ? syscall(kPidfdSendSignal, handle.get(), number, nullptr, 0) : kill(process.pid, number);
  if (sent == 0) return true;
  if (errno == ESRCH) return false;
  throw Refused("kill").cannot("send signal " + std::to_string(number) + " to process " + std::to_string(process.pid));
}

/// False if it has not ended after so many milliseconds.
bool ends_within(const ProcessId& process, int patience) {
  constexpr int kStep = 10;
  Fd handle;
  if (!hold(process, handle)) return true;
  pollfd ending{handle.get(), POLLIN, 0};
  if (handle) return poll(&ending, 1, patience) > 0 || !is_alive(process);
  for (int waited = 0; waited < patience; waited += kStep) {
    if (!is_alive(process)) return true;
    usleep(kStep * 1000);
  }
  return false;
}

void kill_and_wait(const ProcessId& process) {
  constexpr int kPatience = 10'000;
  if (!send_signal(process, SIGKILL) || ends_within(process, kPatience)) return;
  throw Error("process " + std::to_string(process.pid) + " does not end, although it was killed");
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> all;
  for (const Json& item : list.items()) all.push_back(item.text());
  return all;
}

}  // namespace

void run_saved_hooks(const Json& saved, const char* name, Status status, int pid) {
  const auto& hooks = saved["hooks"][name].items();
  if (hooks.empty()) return;
  if (chdir(saved["bundle"].text().c_str()) != 0 && chdir("/") != 0) return;
  for (const Json& hook : hooks) {
    try {
      execute_hook({hook["path"].text(), texts(hook["args"]), texts(hook["env"]), hook["env"].is_empty(),
                    static_cast<int>(hook["timeout"].number())},
                   state_report(saved, status, pid));
    } catch (const Error& failure) {
      log::warning(std::string(name) + ": " + failure.what());
    }
  }
}

void start_container(Container& container, bool awaits_ready) {
  container.lock();
  const Json saved = container.state();
  const Status status = container.status(saved);
  if (status != Status::created)
    throw Error("can't start container " + container.id() + ": it is " + status_word(status));
  const ProcessId first = Container::process(saved);
  const Fd notices = awaits_ready ? listen_for_notices(container) : Fd();
  try {
    Gate::open(Channel(container.knock()));
  } catch (const Error&) {
    // it has said why, and ends: whoever asks for the state next must find it stopped
    ends_within(first, 1000);
    throw;
  }
  container.unlock();
  run_saved_hooks(saved, "poststart", Status::running, first.pid);
  if (notices) pass_on_until_ready(notices, first);
}

void signal_container(const Container& container, int number) {
  const Json saved = container.state();
  const ProcessId process = saved.is_empty() ? ProcessId{} : Container::process(saved);
  if (process.pid == 0 || !send_signal(process, number))
    throw Error("can't send a signal to container " + container.id() + ": container not running");
}

void signal_all(const Container& container, int number) {
  const Groups groups = container.groups();
  if (!groups.empty()) return signal_groups(groups, number);
  const Json saved = container.state();
  const ProcessId first = saved.is_empty() ? ProcessId{} : Container::process(saved);
  // with it, all in its namespace have ended
  if (first.pid == 0) return;
  if (!begins_namespace(first.pid))
    throw Error("can't send a signal to all processes of container " + container.id() +
                ": it has neither a control group nor a PID namespace of its own");
  for (const ProcessStatus& each : list_processes(first)) send_signal({each.pid, each.start}, number);
}

int ending_signal(const Container& container, int number) {
  const Json saved = container.state();
  const ProcessId first = saved.is_empty() ? ProcessId{} : Container::process(saved);
  if (first.pid == 0) return number;
  const std::string status = text_of("/proc/" + std::to_string(first.pid) + "/status");
  const auto is_in = [&](const std::string& set) {
    const size_t at = status.find("\n" + set + ":\t");
    const auto bits = at == std::string::npos ? 0 : strtoull(status.c_str() + at + set.size() + 3, nullptr, 16);
    return number > 0 && (bits >> (number - 1) & 1) != 0;
  };
  // a blocked one waits for a signalfd(2)
  if (status.empty() || is_in("SigCgt") || is_in("SigBlk")) return number;
  return is_in("SigIgn") || begins_namespace(first.pid) ? SIGKILL : number;
}

void pause_container(Container& container, bool paused) {
  container.lock();
  const Status status = container.status(container.state());
  const bool fits = paused ? status == Status::running || status == Status::created : status == Status::paused;
  const std::string action = std::string("can't ") + (paused ? "pause" : "resume") + " container " + container.id();
  if (!fits) throw Error(action + ": it is " + status_word(status));
  const Groups groups = container.groups();
  if (!can_freeze(groups)) throw Error(action + ": it has no control group that can be frozen");
  freeze(groups, paused);
}

void delete_container(Container& container, bool force) {
  container.lock();
  Json saved;
  try {
    saved = container.state();
  } catch (const Error&) {
    if (!force) throw;
  }
  if (!saved.is_empty()) {
    const Status status = container.status(saved);
    if (!force && status != Status::stopped && status != Status::created)
      throw Error("can't delete container " + container.id() + ": it is " + status_word(status),
                  "kill it first, or use --force");
    if (const ProcessId process = Container::process(saved); process.pid != 0) {
      if (status == Status::paused && can_freeze(container.groups())) signal_groups(container.groups(), SIGKILL);
      kill_and_wait(process);
    }
  }
  // with a PID namespace of others, its processes may have outlived the first one
  stop_scopes(container.groups());
  remove_groups(container.groups());
  container.remove();
  if (!saved.is_empty()) run_saved_hooks(saved, "poststop", Status::stopped, 0);
}

}  // namespace chrun
