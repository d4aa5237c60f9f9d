#include "oci/planned.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "containers/container.h"
#include "engine/decider.h"
#include "launcher/memo/memo.h"
#include "oci/names.h"
#include "oci/verbs.h"

namespace chrun::oci {
namespace {

constexpr size_t kLargest = 64 << 20;  // as in src/oci/config/read.ts

/// What is decided about.
struct Named {
  Names names{};
  std::vector<std::string> words{};
  std::string config{};
  std::string process{};  // of exec --process
};

std::string working_directory() {
  char* path = getcwd(nullptr, 0);
  std::string copy = path ? path : "";
  free(path);
  return copy;
}

bool is_directory(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::optional<std::string> read_document(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status;
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return read_all(file.get(), path, kLargest);
}

bool is_id(const std::string& word) {
  try {
    return check_id(word), true;
  } catch (const Error&) {
    return false;
  }
}

/// A path with a name for all that follows the first slash; empty if it is relative.
std::string name_path(Names& names, const std::string& path) {
  return path.starts_with('/') && path.size() > 1 ? "/" + names.add(path.substr(1)) : "";
}

constexpr std::string_view kFlags[] = {"systemd-cgroup", "no-pivot", "no-new-keyring", "no-new-privs", "detach",
                                       "keep",           "tty"};

/// The command line in one order, with names. What only says where messages go does not matter, and documents are added
/// by themselves.
bool name_words(Named& named, const Request& request) {
  std::vector<std::string>& words = named.words;
  words.push_back(request.verb);
  for (const auto& [option, value] : request.values) {
    if (Names::are_in(value)) return false;
    if (option == "log" || option == "debug" || option == "bundle" || option == "process") continue;
    if (option == "pid-file" || option == "console-socket") {
      const std::string path = name_path(named.names, value);
      if (path.empty()) return false;
      words.push_back("--" + option + "=" + path);
    } else {
      const bool is_flag = std::ranges::count(kFlags, option) > 0;
      words.push_back("--" + option + (is_flag ? "" : "=" + value));
    }
  }
  return true;
}

/// As an absolute path; empty where it is not written in the shortest way.
std::string bundle_of(const Request& request) {
  const auto given = request.values.find("bundle");
  if (given == request.values.end() || given->second == ".") return working_directory();
  const std::string& bundle = given->second;
  if (bundle.starts_with('/')) return bundle;
  const std::string inside = "/" + bundle + "/";
  for (const char* part : {"//", "/./", "/../"})
    if (inside.find(part) != std::string::npos) return "";
  return working_directory() + "/" + bundle;
}

/// Names 0, 1 and 2 are those of src/oci/names.ts.
std::optional<Named> name_creation(const Request& request) {
  const std::string bundle = bundle_of(request);
  const auto config = read_document(bundle + "/config.json");
  if (bundle.empty() || !config) return {};
  Named named;
  const std::string id = named.names.add(request.operands[0]), path = name_path(named.names, bundle);
  if (path.empty()) return {};
  named.names.add(*config);
  if (!name_words(named, request)) return {};
  named.words.push_back("--bundle=" + path);
  named.words.push_back(id);
  auto text = name_values(Document::config, *config, named.names);
  if (!text) return {};
  // it is not asked for where it is decided: the answer is the same for all that have these names
  if (!is_directory(text->root.starts_with('/') ? text->root : bundle + "/" + text->root)) return {};
  named.config = std::move(text->text);
  return named;
}

/// The configuration is the saved one.
std::optional<Named> name_exec(const Request& request) {
  const auto config = read_document(request.values.at("root") + "/" + request.operands[0] + "/config.json");
  if (!config) return {};
  Named named;
  const std::string id = named.names.add(request.operands[0]);
  if (!name_words(named, request)) return {};
  if (const auto file = request.values.find("process"); file != request.values.end()) {
    const auto process = read_document(file->second);
    auto text = process ? name_values(Document::process, *process, named.names) : std::nullopt;
    if (!text) return {};
    named.process = std::move(text->text);
    named.words.push_back("--process=/" + id);
  }
  named.words.push_back(id);
  for (size_t i = 1; i < request.operands.size(); i++) {
    const std::string& word = request.operands[i];
    if (Names::are_in(word)) return {};
    named.words.push_back(word.empty() ? word : named.names.add(word));
  }
  auto text = name_values(Document::config, *config, named.names);
  if (!text) return {};
  named.config = std::move(text->text);
  return named;
}

std::optional<Named> name_all(Request request) {
  if (!request.values.contains("root")) request.values["root"] = default_root();
  if (!is_id(request.operands[0]) || !request.values["root"].starts_with('/')) return {};
  return request.verb == "exec" ? name_exec(request) : name_creation(request);
}

/// Where the TypeScript finds a document with names.
class NamedFile {
 public:
  NamedFile(const char* variable, const std::string& text) : variable_(variable) {
    const Fd file = memory_file("ch-oci-ts-document", text, true);
    // inherited by Node, and above the standard streams
    file_ = Fd(fcntl(file.get(), F_DUPFD, STDERR_FILENO + 1));
    if (!file_) throw Refused("fcntl").cannot("start the decision");
    setenv(variable_, ("/proc/self/fd/" + std::to_string(file_.get())).c_str(), 1);
  }
  ~NamedFile() { unsetenv(variable_); }
  NamedFile(const NamedFile&) = delete;
  NamedFile& operator=(const NamedFile&) = delete;

 private:
  const char* variable_;
  Fd file_{};
};

bool decide_by_names(Plan& plan, const char* program, Named& named) {
  const NamedFile config("CH_OCI_NAMED_CONFIG", named.config), process("CH_OCI_NAMED_PROCESS", named.process);
  std::string first = program;
  std::vector<char*> words{first.data()};
  for (std::string& word : named.words) words.push_back(word.data());
  words.push_back(nullptr);
  Decision decision = decide(words.data());
  if (decision.plan.empty()) return false;
  parse_plan(plan, std::move(decision.plan), "the plan");
  return true;
}

}  // namespace

const char* plan_by_names(Plan& plan, const char* program, const Request& request) {
  auto named = name_all(request);
  if (!named) return nullptr;
  std::vector<std::string_view> key(named->words.begin(), named->words.end());
  key.push_back(named->config);
  key.push_back(named->process);
  if (recall(plan, key)) return named->names.fill_in(plan), "remembered";
  try {
    if (!decide_by_names(plan, program, *named)) return nullptr;
    remember(plan, key);
    named->names.fill_in(plan);
    return "decided";
  } catch (const Error&) {
    // it is said with the values themselves
    return plan.reset(), nullptr;
  }
}

}  // namespace chrun::oci
