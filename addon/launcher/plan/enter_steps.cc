// The steps of every process that ends up in the container.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json_string.h"
#include "launcher/log/log.h"
#include "launcher/plan/entry.h"
#include "launcher/process/exec.h"
#include "launcher/process/host_names.h"
#include "launcher/process/identity.h"
#include "launcher/process/seccomp.h"
#include "launcher/process/terminal.h"

namespace chrun {
namespace {

constexpr size_t kLargestEnvironmentFile = 64 << 20;

void default_path(Environment& environment) {
  const auto path = environment.get("PATH");
  if (!path) return log::warning("PATH is not set and stays unset: the command is searched for in /bin and /usr/bin");
  if ((":" + std::string(*path) + ":").find(":/bin:") != std::string::npos) return;
  environment.set("PATH", std::string(*path) + ":/bin");
}

void default_environment(Environment& environment, const Step& step) {
  for (size_t i = 1; i < step.fields.size(); i++) {
    if (step.fields[i] == "PATH")
      default_path(environment);
    else if (step.fields[i] == "HOME")
      environment.set("HOME", default_home());
    else if (step.fields[i] == "TMPDIR")
      environment.unset("TMPDIR");
    else
      throw Error("there is no default for the variable '" + field(step, i) + "'");
  }
}

std::string read_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot("read the environment file " + path);
  return read_all(file.get(), path, kLargestEnvironmentFile);
}

/// environment guest-file|host-file PATH lines|nul expand|literal: a host file is out of reach after `pivot`.
void prepare_environment(Entry& entry, const Step& step) {
  if (step.fields[0] == "host-file" && step.fields.size() == 4) entry.texts[&step] = read_file(field(step, 1));
}

void environment(Entry& entry, const Step& step) {
  const std::string_view action = step.fields[0];
  Environment& variables = entry.environment;
  const bool expand = step.fields.back() == "expand";
  if (action == "exactly") {
    variables.replace({step.fields.begin() + 1, step.fields.end()});
  } else if (action == "default") {
    default_environment(variables, step);
  } else if (action == "set" && step.fields.size() == 3) {
    variables.assign(step.fields[1], expand, "--set-env");
  } else if (action == "unset" && step.fields.size() == 2) {
    variables.unset_matching(field(step, 1));
  } else if (action == "name-in" && step.fields.size() == 2) {
    variables.name_assigned_in(field(step, 1));
  } else if ((action == "guest-file" || action == "host-file") && step.fields.size() == 4) {
    const std::string text = action == "host-file" ? entry.texts[&step] : read_file(field(step, 1));
    variables.assign_all(text, step.fields[2] == "nul" ? '\0' : '\n', expand, field(step, 1));
  } else {
    throw Error("malformed environment step '" + std::string(action) + "' in the plan");
  }
}

/// Whether POSIX has it as a value of PWD: absolute, without `.` and `..`.
bool is_logical(const std::string& path) {
  const std::string bounded = path + "/";
  return path.starts_with('/') && bounded.find("/./") == std::string::npos && bounded.find("/../") == std::string::npos;
}

std::string working_directory() {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == nullptr) throw Refused("getcwd").cannot("determine the working directory");
  return path;
}

void directory(Entry& entry, const Step& step) {
  const std::string path = field(step, 0);
  if (chdir(path.c_str()) != 0) throw Refused("chdir").cannot("change to directory " + path);
  entry.environment.set("PWD", is_logical(path) ? path : working_directory());
}

/// Kernels without keyrings have nothing to hide.
void new_keyring(Entry&, const Step&) {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
    throw Refused("keyctl").cannot("create a session keyring");
  }
}

void no_new_privileges(Entry&, const Step&) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw Refused("prctl").cannot("set no_new_privs");
}

/// terminal: the host's one is out of sight after `pivot`.
void prepare_terminal(Entry& entry, const Step&) { entry.typing_possible = is_terminal_open_to_typing(); }

void terminal(Entry& entry, const Step&) {
  if (entry.typing_possible) forbid_typing();
}

/// seccomp PROGRAM [FLAGS [SOCKET METADATA]]: with an agent, which is where the host has it.
void prepare_seccomp(Entry& entry, const Step& step) {
  if (step.fields.size() > 2) entry.agent = connect_agent(field(step, 2));
}

/// The specification calls it the state of a container process.
std::string agent_message(const Creation& creation, const std::string& metadata) {
  std::string message = "{\"ociVersion\":\"1.0.2\",\"fds\":[\"seccompFd\"],\"pid\":" + creation.pid + ",\"metadata\":";
  append_json_string(message, metadata);
  return message + ",\"state\":" + creation.state + "}";
}

void seccomp(Entry& entry, const Step& step) {
  unsigned long flags = 0;
  if (step.fields.size() > 1) {
    std::istringstream words(field(step, 1));
    for (std::string word; words >> word;) flags |= filter_flag(word);
  }
  // telling who starts the container may be refused from here on
  if (entry.gate) entry.gate->pass();
  if (!entry.agent) return install_filter(step.fields[0], flags);
  const std::string message = agent_message(*entry.creation, step.fields.size() > 3 ? field(step, 3) : "");
  install_filter_of_agent(step.fields[0], flags, entry.agent, message);
}

std::string_view memo_word(Origin origin) {
  switch (origin) {
    case Origin::remembered:
      return "hit";
    case Origin::decided:
      return "miss";
    case Origin::given:
      return "none";
  }
  return "";
}

/// syslog VERSION IMAGE: inside, /dev/log leads nowhere.
void prepare_syslog(Entry& entry, const Step& step) {
  const std::string uid = std::to_string(geteuid());
  const std::string user = HostNames(geteuid(), {}).get().user;
  entry.system_log.emplace(std::initializer_list<SystemLog::Word>{{"user", user},
                                                                  {"uid", uid},
                                                                  {"version", step.fields[0]},
                                                                  {"image", step.fields[1]},
                                                                  {"command", entry.command[0]},
                                                                  {"memo", memo_word(entry.origin)}});
}

void syslog(Entry& entry, const Step&) { entry.system_log->send(); }

void command(Entry& entry, const Step&) {
  const std::string path(entry.environment.get("PATH").value_or("/bin:/usr/bin"));
  become_command(entry.command, entry.environment.pointers(), path);
}

constexpr StepKind<Entry> kKinds[] = {
    {"environment", 2, kAnyFields, environment, prepare_environment},
    {"directory", 1, 1, directory},
    {"new-keyring", 0, 0, new_keyring},
    {"no-new-privileges", 0, 0, no_new_privileges},
    {"terminal", 0, 0, terminal, prepare_terminal},
    {"seccomp", 1, 4, seccomp, prepare_seccomp},
    {"syslog", 2, 2, syslog, prepare_syslog},
    {"command", 0, kAnyFields, command},
};

}  // namespace

const StepKind<Entry>& enter_kind(const Step& step) {
  return kind_in<Entry>(
      {std::span<const StepKind<Entry>>(kKinds), process_kinds(), scheduling_kinds(), enter_criu_kinds()}, step,
      "enter");
}

void prepare(Entry& entry) {
  for (const Step& step : entry.steps) {
    if (const auto& kind = enter_kind(step); kind.prepare) kind.prepare(entry, step);
  }
}

void enter(Entry& entry) {
  for (const Step& step : entry.steps) act(enter_kind(step), entry, step);
  throw Error("the plan has no command step");
}

}  // namespace chrun
