// The steps by which an OCI container gets its namespaces, in the processes that make it.
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/records.h"
#include "containers/container.h"
#include "containers/report.h"
#include "launcher/log/log.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/hook_of.h"
#include "launcher/process/console.h"
#include "launcher/process/credentials.h"
#include "launcher/process/descriptors.h"

namespace chrun {
namespace {

constexpr int kNewTime = 0x80, kNewCgroup = 0x02000000;  // clone(2); since Linux 5.6, 4.6

struct Kind {
  std::string_view name;
  int flag;
};
constexpr Kind kKinds[] = {
    {"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS},
    {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", kNewCgroup},    {"time", kNewTime},
};

int flag_of(std::string_view name) {
  const auto kind = std::ranges::find(kKinds, name, &Kind::name);
  if (kind != std::end(kKinds)) return kind->flag;
  throw Error("unknown namespace '" + std::string(name) + "' in the plan");
}

/// namespaces KIND …
void namespaces(Creation& creation, const Step& step) {
  int set = 0;
  std::string names;
  for (const auto name : step.fields) set |= flag_of(name), names += (names.empty() ? "" : ", ") + std::string(name);
  if (unshare(set) != 0) throw Refused("unshare").cannot("create namespaces (" + names + ")");
  creation.namespaces |= set;
}

/// join-namespace KIND PATH must|may: opened before anything is mounted. One that may is tried again later, in a user
/// namespace that it belongs to.
void open_namespace(Creation& creation, const Step& step) {
  const std::string kind = field(step, 0), path = field(step, 1), action = "join the " + kind + " namespace " + path;
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw Refused("open").cannot(action);
  const int type = ioctl(file.get(), NS_GET_NSTYPE);
  if (type != flag_of(kind)) throw Error("can't " + action + ": it is not a " + kind + " namespace");
  creation.joined[&step] = std::move(file);
}

void join_namespace(Creation& creation, const Step& step) {
  const std::string path = field(step, 1);
  const int flag = flag_of(step.fields[0]);
  if (creation.namespaces & flag) return;
  if (setns(creation.joined[&step].get(), flag) != 0) {
    if (step.fields[2] == "may" && errno == EPERM) return;
    throw Refused("setns").cannot("join the " + field(step, 0) + " namespace " + path);
  }
  creation.namespaces |= flag;
}

/// The namespaces of a process that are not our own, by the order of the table: the user namespace first.
std::vector<std::pair<int, Fd>> other_namespaces(const ProcessId& process, const Error& ended) {
  constexpr const char* kFiles[] = {"user", "pid", "net", "mnt", "ipc", "uts", "cgroup", "time"};
  std::vector<std::pair<int, Fd>> found;
  for (size_t i = 0; i < std::size(kFiles); i++) {
    const std::string path = "/proc/" + std::to_string(process.pid) + "/ns/" + kFiles[i];
    Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    // before Linux 4.6 and 5.6 the last ones are missing
    if (!file && errno == ENOENT && kKinds[i].flag & (kNewTime | kNewCgroup)) continue;
    // it gives them up one by one
    if (!file && errno == ENOENT) throw ended;
    if (!file) throw Refused("open").cannot("enter the namespace " + path);
    struct stat theirs, ours;
    const std::string own = std::string("/proc/self/ns/") + kFiles[i];
    if (fstat(file.get(), &theirs) != 0 || stat(own.c_str(), &ours) != 0)
      throw Refused("stat").cannot("enter the namespace " + path);
    if (theirs.st_ino != ours.st_ino) found.emplace_back(kKinds[i].flag, std::move(file));
  }
  // what was opened was its own, if it is alive now
  if (!is_alive(process)) throw ended;
  return found;
}

/// Those that belong to the container's user namespace can be entered from there only, others from here only.
void enter_all(std::vector<std::pair<int, Fd>> namespaces) {
  const auto enter = [&](bool again) {
    for (auto& [flag, file] : namespaces) {
      if (!file || (!again && flag == CLONE_NEWUSER)) continue;
      if (setns(file.get(), flag) == 0)
        file.reset();
      else if (again || errno != EPERM)
        throw Refused("setns").cannot("enter the namespaces of the container");
    }
  };
  enter(false);
  enter(true);
}

/// enter-container ROOT ID
void enter_container(Creation& creation, const Step& step) {
  const Container container = Container::open(field(step, 0), field(step, 1));
  const Json saved = container.state();
  const ProcessId first = Container::process(saved);
  creation.state = state_report(saved, container.status(saved), first.pid);
  auto namespaces =
      other_namespaces(first, Error("can't run a process in container " + container.id() + ": container not running"));
  const bool user = !namespaces.empty() && namespaces[0].first == CLONE_NEWUSER;
  for (const auto& [flag, file] : namespaces) creation.namespaces |= flag;
  // inside, /proc may be anything
  const RootIds ids = root_ids("/proc/" + std::to_string(first.pid));
  enter_all(std::move(namespaces));
  if (user) become_root(ids);
}

void hide(Creation&, const Step&) { hide_from_containers(); }
void root_of_namespace(Creation&, const Step&) { become_root(root_ids("/proc/self")); }

/// host-paths: what steps name on the host is found while this process still has the caller's id.
void host_paths(Creation& creation, const Step&) { look_at_host(creation); }

/// init: the rest is done by the container's first process.
void init(Creation& creation, const Step&) { creation.sides->fork_init(); }

void write_setting(const std::string& path, const std::string& text, const std::string& action) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot(action);
  if (write(file.get(), text.data(), text.size()) < 0) throw Refused("write").cannot(action);
}

/// time-offset CLOCK SECONDS NANOSECONDS
void time_offset(Creation&, const Step& step) {
  write_setting("/proc/self/timens_offsets", field(step, 0) + " " + field(step, 1) + " " + field(step, 2) + "\n",
                "set the offset of the clock " + field(step, 0));
}

/// sysctl NAME VALUE: of namespaces that the process is in.
void sysctl(Creation&, const Step& step) {
  write_setting("/proc/sys/" + field(step, 0), field(step, 1),
                "set " + field(step, 0) + " to '" + field(step, 1) + "'");
}

void loopback(Creation&, const Step&) { bring_up_loopback(); }

void require_uts(const Creation& creation, const Step& step) {
  if (!(creation.namespaces & CLONE_NEWUTS))
    throw Error("the plan has a " + std::string(step.kind) + " step that is not in a UTS namespace of its own");
}

/// host-name NAME: in a joined namespace, it may be so already.
void host_name(Creation& creation, const Step& step) {
  require_uts(creation, step);
  if (sethostname(step.fields[0].data(), step.fields[0].size()) == 0) return;
  const Refused refused("sethostname");
  char present[256] = {};
  if (gethostname(present, sizeof present - 1) == 0 && step.fields[0] == present) return;
  throw refused.cannot("set the host name to " + field(step, 0));
}

void domain_name(Creation& creation, const Step& step) {
  require_uts(creation, step);
  if (setdomainname(step.fields[0].data(), step.fields[0].size()) != 0)
    throw Refused("setdomainname").cannot("set the domain name to " + field(step, 0));
}

/// descriptors COUNT: of the caller's, the container inherits the standard streams and so many more.
void check_descriptors(Creation&, const Step& step) {
  close_descriptors_above(static_cast<unsigned>(parse_number(step.fields[0], 1 << 20, "a number of descriptors")));
}
void no_action(Creation&, const Step&) {}

/// pass gate: where to wait for the start. pass criu: where CRIU gets its requests. pass state: as the side outside
/// knows it, for hooks. pass pid: of this process there. pass console: the other end of the own terminal.
void pass(Creation& creation, const Step& step) {
  const std::string_view name = step.fields[0];
  if (name == "gate")
    creation.gate = creation.sides->take("gate");
  else if (name == "criu")
    creation.criu = creation.sides->take("criu");
  else if (name == "state")
    creation.state = creation.sides->take_text("state");
  else if (name == "pid")
    creation.pid = creation.sides->take_text("pid");
  else if (name == "console" && creation.terminal)
    creation.sides->give("console", creation.terminal), creation.terminal.reset();
  else
    throw Error("there is no " + std::string(name) + " to pass");
}

/// container-hook ROOT|- TIMEOUT PATH COUNT ARGUMENT … VARIABLE …: in the root directory to be, as runc does.
void container_hook(Creation& creation, const Step& step) {
  const std::string root = field(step, 0);
  if ((root == "-" ? fchdir(root_of(creation, step)) : chdir(root.c_str())) != 0)
    throw Refused("chdir").cannot("run hooks in the container's root directory");
  execute_hook(hook_of(step, 1), creation.state);
}

/// own-terminal UID WIDTH HEIGHT console|other: becomes the standard streams.
void own_terminal(Creation& creation, const Step& step) {
  const auto number = [&](size_t at) { return static_cast<unsigned>(parse_number(step.fields[at], ~0U, "a number")); };
  creation.terminal = become_terminal(number(0), number(1), number(2), step.fields[3] == "console");
}

constexpr StepKind<Creation> kContainerKinds[] = {
    {"namespaces", 1, std::size(kKinds), namespaces},
    {"join-namespace", 3, 3, join_namespace, open_namespace},
    {"enter-container", 2, 2, enter_container},
    {"hide", 0, 0, hide},
    {"become-root", 0, 0, root_of_namespace},
    {"host-paths", 0, 0, host_paths},
    {"init", 0, 0, init},
    {"pass", 1, 1, pass},
    {"time-offset", 3, 3, time_offset},
    {"sysctl", 2, 2, sysctl},
    {"loopback", 0, 0, loopback},
    {"host-name", 1, 1, host_name},
    {"domain-name", 1, 1, domain_name},
    {"descriptors", 1, 1, no_action, check_descriptors},
    {"container-hook", 4, kAnyFields, container_hook},
    {"own-terminal", 4, 4, own_terminal},
};

}  // namespace

std::span<const StepKind<Creation>> container_kinds() { return kContainerKinds; }

}  // namespace chrun
