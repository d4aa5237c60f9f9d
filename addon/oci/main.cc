// ch-oci-ts, an OCI runtime: the launcher's interpreter of plans, and the life of containers after they are created.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "engine/decider.h"
#include "host/questions.h"
#include "host/version.h"
#include "launcher/doctor/try.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/step_kind.h"
#include "launcher/plan/steps.h"
#include "launcher/process/descriptors.h"
#include "oci/log.h"
#include "oci/planned.h"
#include "oci/request.h"
#include "oci/verbs.h"

const char* const chrun::kProgram = "ch-oci-ts";

namespace chrun::oci {
namespace {

Log messages;

void set_log(const Values& values) {
  const auto value = [&](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
  messages.set_json(value("log-format") == "json");
  messages.set_debug(!value("debug").empty());
  const std::string path = value("log");
  if (path.starts_with("file:")) return messages.open(path.substr(5));
  messages.open(path);
}

/// `--NAME`, or also with its value, or after one dash.
bool is_option(std::string_view word, std::string_view name) {
  if (!word.starts_with("-")) return false;
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  return word.starts_with(name) && (word.size() == name.size() || word[name.size()] == '=');
}

/// The command line as the TypeScript reads it: with the place of the containers, where nobody gives it.
std::vector<char*> with_root(char** argv, std::string& option) {
  std::vector<char*> words{argv[0]};
  const std::string root = default_root();
  bool given = root.empty();
  for (char** word = argv + 1; *word != nullptr; word++) given = given || is_option(*word, "root");
  option = "--root=" + root;
  if (!given) words.push_back(option.data());
  for (char** word = argv + 1; *word != nullptr; word++) words.push_back(*word);
  words.push_back(nullptr);
  return words;
}

/// VERB, a count of operands, these, and NAME=VALUE for each option: as src/oci/main.ts has parsed it.
Request to_request(const std::vector<std::string>& fields) {
  Request request;
  request.verb = fields.at(0);
  const size_t operands = std::stoul(fields.at(1));
  for (size_t i = 2; i < fields.size(); i++) {
    if (i < 2 + operands) {
      request.operands.push_back(fields[i]);
      continue;
    }
    const size_t equals = fields[i].find('=');
    request.values[fields[i].substr(0, equals)] = fields[i].substr(equals + 1);
  }
  return request;
}

/// How the plan came to be; nullptr if there is nothing to carry out by a plan: then `status` is what to exit with.
const char* make_plan(Plan& plan, char** argv, bool by_names, int& status) {
  open_door({engine_name(), {}});
  const auto request = read_planned(argv + 1);
  const char* how = request && by_names ? plan_by_names(plan, argv[0], *request) : nullptr;
  if (how != nullptr) return how;
  std::string option;
  Decision decision = decide(with_root(argv, option).data());
  status = decision.verb.empty() ? decision.status : carry_out(to_request(decision.verb));
  if (decision.plan.empty()) return nullptr;
  parse_plan(plan, std::move(decision.plan), "the plan");
  return "decided as a whole";
}

std::string kinds_of(const std::vector<Step>& steps) {
  std::string names;
  for (const Step& step : steps) names += " " + std::string(step.kind);
  return names;
}

/// With --debug: how the plan came to be and in what time, and its steps. Their fields may have secrets.
void report_plan(const Plan& plan, const std::string& how, std::chrono::steady_clock::duration time) {
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  messages.debug("the plan was " + how + " in " + std::to_string(spent) + " us");
  messages.debug("steps outside:" + kinds_of(plan.outside));
  messages.debug("steps that create the container:" + kinds_of(plan.create));
  messages.debug("steps that enter it:" + kinds_of(plan.enter));
}

int decide_and_run(char** argv) {
  Plan plan;
  int status = 0;
  const auto begin = std::chrono::steady_clock::now();
  const char* how = make_plan(plan, argv, true, status);
  if (how == nullptr) return status;
  if (messages.is_debugging()) report_plan(plan, how, std::chrono::steady_clock::now() - begin);
  for (const auto warning : plan.warnings) log::warning(std::string(warning));
  char* const none = nullptr;
  run_plan(plan, Origin::given, Environment(&none), {});
}

/// --show-plan by-names|as-a-whole WORDS …: how the plan came to be, and its steps; for tests and the curious.
int show_plan(char** argv) {
  Plan plan;
  int status = 0;
  const char* how = make_plan(plan, argv, strcmp(argv[0], "by-names") == 0, status);
  if (how == nullptr) return status;
  std::string text = how + std::string("\n");
  for (const auto* list : {&plan.outside, &plan.create, &plan.enter}) {
    for (const Step& step : *list) text += visible(to_words(step)) + "\n";
  }
  write_all(STDOUT_FILENO, text, "standard output");
  return 0;
}

std::vector<std::string> list_of(char* const* words) {
  std::vector<std::string> list;
  while (*words != nullptr) list.emplace_back(*words++);
  return list;
}

int run(char** argv) {
  note_descriptors();
  char* const* words = argv + 1;
  set_log(leading_options(words));
  if (argv[1] != nullptr && strcmp(argv[1], "--native-options") == 0) {
    write_all(STDOUT_FILENO, list_native_options(), "standard output");
    return 0;
  }
  if (argv[1] != nullptr && argv[2] != nullptr && strcmp(argv[1], "--show-plan") == 0) return show_plan(argv + 2);
  if (argv[1] != nullptr && argv[2] != nullptr && strcmp(argv[1], "--try") == 0)
    return try_check(argv[2], list_of(argv + 3));
  if (const auto request = read_request(argv + 1)) {
    messages.debug(request->verb + " needs no plan");
    return carry_out(*request);
  }
  return decide_and_run(argv);
}

/// Of a failure that is ours: of `exec` it differs from what commands end with.
int own_status(char* const* words) {
  leading_options(words);
  return *words != nullptr && strcmp(*words, "exec") == 0 ? 255 : 1;
}

/// 126 and 127 as in a shell: for a command that can't be started, or that is not there.
int status_of(const Error& failure, int own) {
  if (failure.exit() != Exit::command) return own;
  const auto* refusal = dynamic_cast<const SysError*>(&failure);
  const bool missing = refusal ? refusal->code() == ENOENT || refusal->code() == ENOTDIR
                               : std::string_view(failure.what()).ends_with("command not found");
  return missing ? 127 : 126;
}

int run_and_tell(char** argv) {
  log::set_sink(&messages);
  try {
    const int status = run(argv);
    messages.settle();
    return status == 1 ? own_status(argv + 1) : status;
  } catch (const Error& failure) {
    log::error(failure);
    return status_of(failure, own_status(argv + 1));
  } catch (const std::bad_alloc&) {
    log::error(Error("out of memory"));
  }
  return own_status(argv + 1);
}

}  // namespace
}  // namespace chrun::oci

int main(int, char** argv) { return chrun::oci::run_and_tell(argv); }
