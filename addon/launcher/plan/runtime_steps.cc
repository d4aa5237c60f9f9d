// The steps of the process outside of an OCI container.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/error.h"
#include "base/files.h"
#include "base/json_string.h"
#include "base/records.h"
#include "containers/report.h"
#include "launcher/log/log.h"
#include "launcher/parent/id_maps.h"
#include "launcher/parent/life.h"
#include "launcher/parent/net_device.h"
#include "launcher/parent/notices.h"
#include "launcher/parent/terminal.h"
#include "launcher/plan/hook_of.h"
#include "launcher/plan/outside.h"

namespace chrun {
namespace {

Container& container_of(Outside& outside) {
  if (!outside.container) throw Error("the plan has a step that needs a container step before it");
  return *outside.container;
}

/// container ROOT ID SAVED CONFIGURATION: its directory, and what is known of it beforehand, in JSON.
void container(Outside& outside, const Step& step) {
  outside.container = Container::make(field(step, 0), field(step, 1));
  outside.saved = field(step, 2);
  outside.container->save("config.json", field(step, 3));
}

/// id-map users|groups direct|helper INSIDE OUTSIDE COUNT …
void id_map(Outside& outside, const Step& step) {
  std::vector<std::string> lines;
  for (size_t i = 2; i + 2 < step.fields.size(); i += 3)
    lines.push_back(field(step, i) + " " + field(step, i + 1) + " " + field(step, i + 2));
  const MapWriter writer = step.fields[1] == "helper" ? MapWriter::helper : MapWriter::direct;
  write_id_map(step.fields[0] == "users" ? 'u' : 'g', outside.sides->child(), writer, lines);
}

void no_setgroups(Outside& outside, const Step&) { deny_setgroups(outside.sides->child()); }

void init(Outside& outside, const Step&) { outside.sides->adopt_init(); }

/// What the standard streams are, before the container can change them: a checkpoint connects them again.
std::string standard_streams() {
  std::string json;
  for (const char* path : {"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"}) {
    char target[PATH_MAX];
    const ssize_t size = readlink(path, target, sizeof target);
    json += json.empty() ? "[" : ",";
    append_json_string(json, {target, size > 0 ? static_cast<size_t>(size) : 0});
  }
  return json + "]";
}

/// What is saved, with what is known by now.
std::string saved_text(const Outside& outside) {
  const pid_t pid = outside.sides->child();
  return "{\"version\":1,\"pid\":" + std::to_string(pid) + ",\"start\":" + std::to_string(read_process(pid).start) +
         ",\"boot\":\"" + boot_id() + "\",\"created\":\"" + time_words() + "\",\"descriptors\":" + standard_streams() +
         "," + outside.saved.substr(1);
}

std::string creating_report(const Outside& outside) {
  return state_report(Json::parse(outside.saved, "the state of the container"), Status::creating,
                      outside.restored > 0 ? outside.restored : outside.sides->child());
}

void pass_criu(Outside& outside) {
  auto [ours, other] = Criu::connect();
  outside.criu.emplace(std::move(ours));
  outside.sides->give("criu", other);
}

/// pass gate: where the first process waits for its start. pass criu: where CRIU gets its requests. pass state: for
/// hooks inside. pass pid: its number. pass console: the other end of the container's terminal.
void pass(Outside& outside, const Step& step) {
  const std::string_view name = step.fields[0];
  if (name == "gate")
    outside.sides->give("gate", container_of(outside).make_gate());
  else if (name == "criu")
    pass_criu(outside);
  else if (name == "state")
    outside.sides->give_text("state", creating_report(outside));
  else if (name == "pid")
    outside.sides->give_text("pid", std::to_string(outside.sides->child()));
  else if (name == "console")
    outside.terminal = outside.sides->take("console");
  else
    throw Error("there is no " + std::string(name) + " to pass");
}

/// runtime-hook BUNDLE TIMEOUT PATH COUNT ARGUMENT … VARIABLE …
void runtime_hook(Outside& outside, const Step& step) {
  if (chdir(step.fields[0].data()) != 0) throw Refused("chdir").cannot("run hooks in " + field(step, 0));
  execute_hook(hook_of(step, 1), creating_report(outside));
}

/// net-device NAME NAME-THERE
void net_device(Outside& outside, const Step& step) {
  move_net_device(field(step, 0), field(step, 1), outside.sides->child());
}

struct Limit {
  std::string_view name;
  int number;
};
constexpr Limit kLimits[] = {
    {"AS", RLIMIT_AS},           {"CORE", RLIMIT_CORE},         {"CPU", RLIMIT_CPU},
    {"DATA", RLIMIT_DATA},       {"FSIZE", RLIMIT_FSIZE},       {"LOCKS", RLIMIT_LOCKS},
    {"MEMLOCK", RLIMIT_MEMLOCK}, {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE},
    {"NOFILE", RLIMIT_NOFILE},   {"NPROC", RLIMIT_NPROC},       {"RSS", RLIMIT_RSS},
    {"RTPRIO", RLIMIT_RTPRIO},   {"RTTIME", RLIMIT_RTTIME},     {"SIGPENDING", RLIMIT_SIGPENDING},
    {"STACK", RLIMIT_STACK},
};

/// limit NAME SOFT HARD: from outside, where the right to raise one may still be ours.
void limit(Outside& outside, const Step& step) {
  const auto found = std::ranges::find(kLimits, step.fields[0], &Limit::name);
  if (found == std::end(kLimits)) throw Error("unknown limit '" + field(step, 0) + "' in the plan");
  const auto number = [&](size_t at) { return parse_number(step.fields[at], ~0ULL, "a limit"); };
  const rlimit wanted{number(1), number(2)};
  if (prlimit(outside.sides->child(), static_cast<__rlimit_resource>(found->number), &wanted, nullptr) == 0) return;
  const Refused refused("prlimit");
  throw refused.cannot("set RLIMIT_" + field(step, 0) + " to " + field(step, 1) + ":" + field(step, 2));
}

/// save: from here on it is there, whoever dies.
void save(Outside& outside, const Step&) { container_of(outside).save("state.json", saved_text(outside)); }

/// pid-file PATH: whole, or not at all.
void pid_file(Outside& outside, const Step& step) {
  const std::string path = field(step, 0), next = path + ".new";
  const Fd file(open(next.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644));
  if (!file) throw Refused("open").cannot("write the pid file " + path);
  write_all(file.get(), std::to_string(outside.sides->child()), "the pid file " + path);
  if (rename(next.c_str(), path.c_str()) != 0) throw Refused("rename").cannot("write the pid file " + path);
}

void part(Outside& outside, const Step&) {
  outside.sides->part();
  if (outside.container) outside.container->unlock();
  outside.parted = true;
}

void ready(Outside& outside, const Step&) { outside.sides->await_ready(); }

void start(Outside& outside, const Step&) { start_container(container_of(outside), outside.passes_on == 0); }

void notices(Outside& outside, const Step&) { container_of(outside).make_notices(); }

/// pass-notices: as long as the container lives. This process waits for its end meanwhile.
void pass_notices(Outside& outside, const Step&) {
  const Container& container = container_of(outside);
  if (const Fd notices = listen_for_notices(container))
    outside.passes_on = pass_on_beside(notices, Container::process(container.state()));
}

/// send-console SOCKET
void send_console(Outside& outside, const Step& step) {
  send_terminal(field(step, 0), outside.terminal);
  outside.terminal.reset();
}

void await_command(Outside& outside, const Step&) {
  outside.sides->await_command();
  outside.parted = true;
}

/// await: the end of the first process. Signals are passed on to it.
void await(Outside& outside, const Step&) {
  outside.ended =
      outside.terminal ? relay_terminal(outside.terminal, *outside.sides) : outside.sides->await_end_and_pass_on();
  // it ends with the first process, when it has passed on what that said last
  if (outside.passes_on > 0) wait_for_child(outside.passes_on, nullptr);
}

/// remove: a checkpoint that has ended the container does so, too.
void remove(Outside& outside, const Step&) {
  Container& container = container_of(outside);
  if (container.lock_if_there()) delete_container(container, true);
}

constexpr StepKind<Outside> kKinds[] = {
    {"container", 4, 4, container},
    {"pass", 1, 1, pass},
    {"id-map", 5, kAnyFields, id_map},
    {"no-setgroups", 0, 0, no_setgroups},
    {"init", 0, 0, init},
    {"net-device", 2, 2, net_device},
    {"runtime-hook", 4, kAnyFields, runtime_hook},
    {"ready", 0, 0, ready},
    {"limit", 3, 3, limit},
    {"save", 0, 0, save},
    {"pid-file", 1, 1, pid_file},
    {"part", 0, 0, part},
    {"notices", 0, 0, notices},
    {"pass-notices", 0, 0, pass_notices},
    {"start", 0, 0, start},
    {"send-console", 1, 1, send_console},
    {"await-command", 0, 0, await_command},
    {"await", 0, 0, await},
    {"remove", 0, 0, remove},
};

}  // namespace

std::span<const StepKind<Outside>> runtime_kinds() { return kKinds; }

}  // namespace chrun
