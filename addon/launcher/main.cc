// The program that users type. It becomes the user's command; docs/how-it-works.md tells by which way.
#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/files.h"
#include "base/records.h"
#include "engine/decider.h"
#include "host/questions.h"
#include "host/version.h"
#include "launcher/doctor/try.h"
#include "launcher/log/log.h"
#include "launcher/memo/facts.h"
#include "launcher/memo/memo.h"
#include "launcher/memo/memo_turn.h"
#include "launcher/memo/value_words.h"
#include "launcher/plan/command_words.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/steps.h"
#include "launcher/process/host_names.h"
#include "refusals/hints.h"

extern "C" char** environ;

namespace chrun {

const char* const kProgram = "ch-run-ts";

namespace {

/// The launcher never needs privilege of its own, and can't be trusted with any.
void refuse_set_id() {
  const bool uid = getuid() != geteuid(), gid = getgid() != getegid();
  if (!uid && !gid && getauxval(AT_SECURE) == 0) return;
  const char* what = uid ? "set-user-id" : gid ? "set-group-id" : "with file capabilities";
  throw Error(std::string("refusing to run ") + what + ": containers are started without any privilege",
              "remove the mode bits or capabilities of the program file, and never start it through sudo-like "
              "wrappers that leave the real and effective ids different");
}

/// NULL-terminated, as execve(2) wants it.
std::vector<char*> to_vector(char** words) {
  std::vector<char*> pointers;
  for (; *words != nullptr; words++) pointers.push_back(*words);
  pointers.push_back(nullptr);
  return pointers;
}

int to_descriptor(const char* word) { return static_cast<int>(parse_number(word, 1 << 30, "a descriptor")); }

/// `words`: those that the plan was made or found for.
[[noreturn]] void launch(Plan& plan, Origin origin, char* const* words, char* const* environment,
                         std::vector<char*> command) {
  log::set_style(plan.style);
  for (const auto warning : plan.warnings) log::warning(std::string(warning));
  check_user(plan);
  fill_in_values(plan, words);
  command = complete_command(plan, command);
  if (command.size() < 2) throw Error("no command to run in the container", {}, Exit::usage);
  run_plan(plan, origin, Environment(environment), std::move(command));
}

/// --launch PLAN COMMAND …: a Node program has decided; the plan is in that descriptor (launch() in src/index.ts).
[[noreturn]] void launch_for_node(char** argv) {
  Plan plan;
  {
    const Fd file(to_descriptor(argv[2]));
    read_plan(plan, file.get(), "the plan");
  }
  launch(plan, Origin::given, argv, environ, to_vector(argv + 3));
}

/// --plan FILE [--] COMMAND …: decided long ago, no CLI needed.
[[noreturn]] void launch_plan_file(const char* path, char** rest) {
  if (*rest != nullptr && strcmp(*rest, "--") == 0) rest++;
  Plan plan;
  {
    // a pipe, which is refused, would keep us waiting for its writer
    const Fd file(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) throw Refused("open").cannot(std::string("read the plan ") + path);
    read_plan(plan, file.get(), path);
  }
  char* const none = nullptr;
  launch(plan, Origin::given, &none, environ, to_vector(rest));
}

std::string login_name(uid_t uid) { return HostNames(uid, {}).get().user; }

/// --doctor is for those with whom nothing works: what the machine allows is found out without the TypeScript, too.
Decision decide_or_examine(char** argv) {
  try {
    return decide(argv);
  } catch (const Error& failure) {
    if (argv[1] == nullptr || argv[2] != nullptr || strcmp(argv[1], "--doctor") != 0) throw;
    log::error(failure);
    try_all_checks();
    Decision decision;
    decision.status = static_cast<int>(failure.exit());
    return decision;
  }
}

/// Nothing is remembered: the TypeScript decides. Returns the exit status where there is nothing to launch.
int decide_and_launch(Plan& plan, char** argv, const std::string& why, Fd turn) {
  open_door({engine_name(), login_name});
  Decision decision = decide_or_examine(argv);
  if (decision.plan.empty()) return decision.status;
  parse_plan(plan, std::move(decision.plan), "the plan");
  const std::vector<char*> words = to_vector(argv);
  if (decision.command >= words.size() || decision.key_words > decision.command)
    throw Error("the decision has wrong positions");
  log::set_style(plan.style);
  log::verbose(1, "no remembered plan: " + why);
  if (decision.key_words > 0) log::verbose(1, remember(plan, words, decision.key_words));
  turn.reset();
  launch(plan, decision.key_words > 0 ? Origin::decided : Origin::given, argv, environ,
         to_vector(argv + decision.command));
}

/// The usual way: by a remembered plan if there is one.
int launch_command_line(char** argv) {
  Plan plan;
  Recollection memory = recall(plan, argv);
  if (memory.command == 0) {
    Fd turn = take_turn(argv);
    // the plan may have come meanwhile: while we waited, or just before it was our turn
    memory = recall(plan, argv);
    if (memory.command == 0) return decide_and_launch(plan, argv, memory.why, std::move(turn));
  }
  log::set_style(plan.style);
  log::verbose(1, "remembered plan: " + memory.why);
  launch(plan, Origin::remembered, argv, environ, to_vector(argv + memory.command));
}

int clear_memory() {
  const auto [plans, reads] = forget_all();
  std::string text = "remembered plans forgotten: " + std::to_string(plans);
  if (reads > 0) text += "; records of reads: " + std::to_string(reads);
  write_all(STDOUT_FILENO, text + "\n", "standard output");
  return 0;
}

/// --memo-show WORDS…: what launch_command_line() would find, as `--dry-run=plan` prints it; for tests and the curious.
int show_memory(char** argv) {
  Plan plan;
  const Recollection memory = recall(plan, argv);
  if (memory.command == 0) throw Error("no remembered plan: " + memory.why);
  write_all(STDOUT_FILENO, plan.bytes, "standard output");
  return 0;
}

/// --version alone needs nobody to decide.
int print_version() {
  write_all(STDOUT_FILENO, version_text(engine_name()), "standard output");
  return 0;
}

/// --hints: the table that docs/troubleshooting.md is made from.
int print_hints() {
  write_all(STDOUT_FILENO, list_hints(), "standard output");
  return 0;
}

int run(int argc, char** argv) {
  refuse_set_id();
  if (argc >= 3 && strcmp(argv[1], "--launch") == 0) launch_for_node(argv);
  if (argc >= 3 && strcmp(argv[1], "--plan") == 0) launch_plan_file(argv[2], argv + 3);
  if (argc >= 2 && strncmp(argv[1], "--plan=", 7) == 0) launch_plan_file(argv[1] + 7, argv + 2);
  if (argc == 2 && strcmp(argv[1], "--memo-clear") == 0) return clear_memory();
  if (argc >= 2 && strcmp(argv[1], "--memo-show") == 0) return show_memory(argv + 1);
  if (argc == 3 && strcmp(argv[1], "--try") == 0) return try_check(argv[2]);
  if (argc == 2 && strcmp(argv[1], "--hints") == 0) return print_hints();
  if (argc == 2 && strcmp(argv[1], "--version") == 0) return print_version();
  return launch_command_line(argv);
}

}  // namespace
}  // namespace chrun

int main(int argc, char** argv) {
  using namespace chrun;
  log::begin(argv);
  try {
    return run(argc, argv);
  } catch (const Error& failure) {
    log::error(failure);
    return static_cast<int>(failure.exit());
  } catch (const std::bad_alloc&) {
    log::error(Error("out of memory"));
  }
  return static_cast<int>(Exit::failure);
}
