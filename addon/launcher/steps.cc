#include "launcher/steps.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/records.h"
#include "launcher/exec.h"
#include "launcher/identity.h"
#include "launcher/join.h"
#include "launcher/join_rules.h"
#include "launcher/log.h"
#include "launcher/mounts.h"
#include "launcher/namespaces.h"
#include "launcher/root.h"
#include "launcher/user_ns.h"

namespace chrun {
namespace {

constexpr unsigned kLargestId = 0xfffffffe;  // 2³²−1 means "no id" to the kernel
constexpr size_t kLargestEnvironmentFile = 64 << 20;

/// What the steps of one launch share.
struct Launch {
  const Plan& plan;
  Environment environment;
  std::vector<char*> command;
  Fd root{};                                   // the image's root, once mounted
  std::map<const Step*, std::string> texts{};  // host files, read while the host's root is still ours
  std::optional<JoinGroup> group{};            // the peers, with --join
  bool entered = false;                        // an existing container was entered: nothing is left to create
};

std::string field(const Step& step, size_t index) { return std::string(step.fields[index]); }

IdMap id_map(std::string_view pair) {
  const size_t colon = pair.find(':');
  if (colon == std::string_view::npos)
    throw Error("expected INSIDE:OUTSIDE for an id map, got '" + std::string(pair) + "'");
  return {static_cast<unsigned>(parse_number(pair.substr(0, colon), kLargestId, "an id inside")),
          static_cast<unsigned>(parse_number(pair.substr(colon + 1), kLargestId, "an id outside"))};
}

unsigned id(std::string_view text) { return static_cast<unsigned>(parse_number(text, kLargestId, "an id")); }

void user_namespace(Launch&, const Step& step) { enter_user_namespace(id_map(step.fields[0]), id_map(step.fields[1])); }

void root(Launch& launch, const Step& step) {
  launch.root = mount_directory_image(field(step, 0), step.fields[1] == "writable");
}

Bind parse_bind(const Step& step, std::string source, size_t destination) {
  Bind bind{std::move(source), field(step, destination)};
  for (size_t i = destination + 1; i < step.fields.size(); i++) {
    if (step.fields[i] == "optional")
      bind.optional = true;
    else if (step.fields[i] == "create")
      bind.create = true;
    else
      throw Error("unknown bind option '" + field(step, i) + "' in the plan");
  }
  return bind;
}

void bind(Launch& launch, const Step& step) { bind_into_image(launch.root.get(), parse_bind(step, field(step, 0), 1)); }

std::string variable_source(const Launch& launch, const Step& step) {
  const std::string_view value = launch.environment.get(step.fields[0]).value_or("");
  return value.empty() ? field(step, 1) : std::string(value);
}

/// bind-variable NAME FALLBACK DESTINATION …: the source is the value of a variable, which may differ in each run.
void bind_variable(Launch& launch, const Step& step) {
  bind_into_image(launch.root.get(), parse_bind(step, variable_source(launch, step), 2));
}

void tmpfs(Launch& launch, const Step& step) { tmpfs_into_image(launch.root.get(), field(step, 0), field(step, 1)); }

void identity(Launch& launch, const Step& step) {
  bind_identity(launch.root.get(), id(step.fields[0]), id(step.fields[1]));
}

void pivot(Launch& launch, const Step&) {
  pivot_into(launch.root.get());
  launch.root.reset();
}

void default_path(Environment& environment) {
  const auto path = environment.get("PATH");
  if (!path) return log::warning("PATH is not set, and stays so: the command is looked up in /bin and /usr/bin");
  if ((":" + std::string(*path) + ":").find(":/bin:") != std::string::npos) return;
  environment.set("PATH", std::string(*path) + ":/bin");
}

void default_home(Environment& environment) {
  struct stat root_home;
  const bool has_root_home = stat("/root", &root_home) == 0 && S_ISDIR(root_home.st_mode);
  environment.set("HOME", has_root_home ? "/root" : "/");
}

void default_environment(Environment& environment, const Step& step) {
  for (size_t i = 1; i < step.fields.size(); i++) {
    if (step.fields[i] == "PATH")
      default_path(environment);
    else if (step.fields[i] == "HOME")
      default_home(environment);
    else if (step.fields[i] == "TMPDIR")
      environment.unset("TMPDIR");
    else
      throw Error("no default is known for the variable '" + field(step, i) + "'");
  }
}

std::string read_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw SysError("read the environment file " + path, "open");
  return read_all(file.get(), path, kLargestEnvironmentFile);
}

/// environment guest-file|host-file PATH lines|nul expand|literal: a host file is out of reach after `pivot`.
void prepare_environment(Launch& launch, const Step& step) {
  if (step.fields[0] == "host-file" && step.fields.size() == 4) launch.texts[&step] = read_file(field(step, 1));
}

void environment(Launch& launch, const Step& step) {
  const std::string_view action = step.fields[0];
  Environment& variables = launch.environment;
  const bool expand = step.fields.back() == "expand";
  if (action == "default") {
    default_environment(variables, step);
  } else if (action == "set" && step.fields.size() == 3) {
    variables.assign(step.fields[1], expand, "--set-env");
  } else if (action == "unset" && step.fields.size() == 2) {
    variables.unset_matching(field(step, 1));
  } else if ((action == "guest-file" || action == "host-file") && step.fields.size() == 4) {
    const std::string text = action == "host-file" ? launch.texts[&step] : read_file(field(step, 1));
    variables.assign_all(text, step.fields[2] == "nul" ? '\0' : '\n', expand, field(step, 1));
  } else {
    throw Error("malformed environment step '" + std::string(action) + "' in the plan");
  }
}

void directory(Launch& launch, const Step& step) {
  const std::string path = field(step, 0);
  if (chdir(path.c_str()) != 0) throw SysError("change to directory " + path, "chdir");
  launch.environment.set("PWD", path);
}

void no_new_privileges(Launch&, const Step&) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw SysError("give up new privileges", "prctl");
}

void command(Launch& launch, const Step&) {
  const std::string path(launch.environment.get("PATH").value_or("/bin:/usr/bin"));
  become_command(launch.command, launch.environment.pointers(), path);
}

std::string to_words(const Step& step) {
  std::string words(step.kind);
  for (const auto word : step.fields) words += " " + std::string(word);
  return words;
}

/// What the steps that create the container come to, for comparison between peers: their variables may differ.
std::string create_content(const Launch& launch) {
  std::string content;
  for (const Step& step : launch.plan.create) {
    if (step.kind == "join") continue;
    content += to_words(step);
    if (step.kind == "bind-variable") content += " = " + variable_source(launch, step);
    content += '\0';
  }
  return content;
}

/// A rank number that the count has no place for. Only where all ranks of the node are in one group.
void check_rank(const Environment& environment, int count) {
  const auto rank = local_rank(environment);
  if (!rank || *rank < count) return;
  throw Error("--join: this process is one too many: it has number " + std::to_string(*rank) +
                  " (from 0) on its node, and the count is " + std::to_string(count),
              "is the count right? (--join-ct)");
}

/// join COUNT|environment TIMEOUT [TAG]
void join(Launch& launch, const Step& step) {
  JoinRequest request;
  const bool derived = step.fields[0] == "environment";
  request.count = derived ? derive_join_count(launch.environment)
                          : static_cast<int>(parse_number(step.fields[0], INT_MAX, "the number of peers"));
  if (request.count == 0) throw Error("the number of peers is 0");
  request.timeout = static_cast<int>(parse_number(step.fields[1], INT_MAX, "the join timeout"));
  const bool same_parent = step.fields.size() < 3;
  if (same_parent) check_rank(launch.environment, request.count);
  request.tag = same_parent ? derive_join_tag(launch.environment, getppid()) : field(step, 2);
  request.starter = [&launch, same_parent] { return find_starter(launch.environment, same_parent); };
  log::verbose(1, "join group " + request.tag + " of " + std::to_string(request.count));
  if (request.count == 1) return sweep_abandoned_groups();  // nobody to share with
  request.content = create_content(launch);
  launch.group.emplace(std::move(request));
  if (launch.group->won()) return;
  launch.group->enter();
  launch.entered = true;
}

void join_pid(Launch& launch, const Step& step) {
  join_process(static_cast<int>(parse_number(step.fields[0], INT_MAX, "a process number")));
  launch.entered = true;
}

struct Kind {
  std::string_view name;
  size_t fewest, most;  // fields
  void (*act)(Launch&, const Step&);
  void (*prepare)(Launch&, const Step&) = nullptr;  // runs before the first step acts
};

constexpr size_t kAny = ~size_t{0};

constexpr Kind kKinds[] = {
    {"join", 2, 3, join},
    {"join-pid", 1, 1, join_pid},
    {"user-namespace", 2, 2, user_namespace},
    {"root", 2, 2, root},
    {"bind", 2, kAny, bind},
    {"bind-variable", 3, kAny, bind_variable},
    {"tmpfs", 2, 2, tmpfs},
    {"identity", 2, 2, identity},
    {"pivot", 0, 0, pivot},
    {"environment", 2, kAny, environment, prepare_environment},
    {"directory", 1, 1, directory},
    {"no-new-privileges", 0, 0, no_new_privileges},
    {"command", 0, 0, command},
};

const Kind& kind_of(const Step& step) {
  for (const Kind& kind : kKinds) {
    if (kind.name != step.kind) continue;
    if (step.fields.size() >= kind.fewest && step.fields.size() <= kind.most) return kind;
    throw Error("malformed " + std::string(step.kind) + " step in the plan: it has " +
                std::to_string(step.fields.size()) + " fields");
  }
  throw Error("unknown step '" + std::string(step.kind) + "' in the plan");
}

void run_step(Launch& launch, const Step& step) {
  if (log::is_verbose(1)) log::verbose(1, to_words(step));
  kind_of(step).act(launch, step);
}

/// Until the container is created, or an existing one is entered.
void create(Launch& launch) {
  try {
    for (const Step& step : launch.plan.create) {
      run_step(launch, step);
      if (launch.entered) return;
    }
    if (launch.group) launch.group->open();
  } catch (const Error& failure) {
    if (launch.group && launch.group->won()) launch.group->fail(failure.what());
    throw;
  }
}

}  // namespace

[[noreturn]] void run_plan(const Plan& plan, Environment environment, std::vector<char*> command) {
  Launch launch{plan, std::move(environment), std::move(command)};
  // all of it is checked and read before any of it is done
  for (const auto* steps : {&plan.create, &plan.enter}) {
    for (const Step& step : *steps) {
      if (const Kind& kind = kind_of(step); kind.prepare) kind.prepare(launch, step);
    }
  }
  create(launch);
  for (const Step& step : plan.enter) run_step(launch, step);
  throw Error("the plan has no command step");
}

}  // namespace chrun
