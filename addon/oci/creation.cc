#include "oci/creation.h"

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

struct Creation {
  Names names{};
  std::vector<std::string> words{};
  std::string config{};
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

std::optional<std::string> read_config(const std::string& bundle) {
  const Fd file(open((bundle + "/config.json").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status;
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return read_all(file.get(), "config.json", kLargest);
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

/// The command line in one order, with names. What only says where messages go does not matter.
bool name_words(Creation& creation, const Request& request) {
  std::vector<std::string>& words = creation.words;
  words.push_back(request.verb);
  for (const auto& [option, value] : request.values) {
    if (Names::are_in(value)) return false;
    if (option == "log" || option == "debug" || option == "bundle") continue;
    if (option == "pid-file" || option == "console-socket") {
      const std::string path = name_path(creation.names, value);
      if (path.empty()) return false;
      words.push_back("--" + option + "=" + path);
    } else {
      const bool is_flag =
          option == "systemd-cgroup" || option.starts_with("no-") || option == "detach" || option == "keep";
      words.push_back("--" + option + (is_flag ? "" : "=" + value));
    }
  }
  return true;
}

/// Names 0, 1 and 2 are those of src/oci/names.ts.
std::optional<Creation> name_all(Request request) {
  const std::string id = request.operands[0];
  if (!request.values.contains("root")) request.values["root"] = default_root();
  const auto given = request.values.find("bundle");
  const std::string bundle = given == request.values.end() ? working_directory() : given->second;
  if (!is_id(id) || !request.values["root"].starts_with('/') || !bundle.starts_with('/')) return {};
  const auto config = read_config(bundle);
  if (!config) return {};
  Creation creation;
  const std::string named_id = creation.names.add(id), named_bundle = name_path(creation.names, bundle);
  if (named_bundle.empty()) return {};
  creation.names.add(*config);
  if (!name_words(creation, request)) return {};
  creation.words.push_back("--bundle=" + named_bundle);
  creation.words.push_back(named_id);
  auto named = name_values(*config, creation.names);
  if (!named) return {};
  // it is not asked for where it is decided: the answer is the same for all that have these names
  const std::string& root = named->root;
  if (!is_directory(root.starts_with('/') ? root : bundle + "/" + root)) return {};
  creation.config = std::move(named->text);
  return creation;
}

/// Where the TypeScript finds the configuration with names.
class NamedFile {
 public:
  explicit NamedFile(const std::string& text) {
    const Fd file = memory_file("ch-oci-ts-config", text, true);
    // inherited by Node, and above the standard streams
    file_ = Fd(fcntl(file.get(), F_DUPFD, STDERR_FILENO + 1));
    if (!file_) throw Refused("fcntl").cannot("start the decision");
    setenv(kVariable, ("/proc/self/fd/" + std::to_string(file_.get())).c_str(), 1);
  }
  ~NamedFile() { unsetenv(kVariable); }
  NamedFile(const NamedFile&) = delete;
  NamedFile& operator=(const NamedFile&) = delete;

 private:
  static constexpr const char* kVariable = "CH_OCI_NAMED_CONFIG";
  Fd file_{};
};

bool decide_by_names(Plan& plan, const char* program, Creation& creation) {
  const NamedFile file(creation.config);
  std::string first = program;
  std::vector<char*> words{first.data()};
  for (std::string& word : creation.words) words.push_back(word.data());
  words.push_back(nullptr);
  Decision decision = decide(words.data());
  if (decision.plan.empty()) return false;
  parse_plan(plan, std::move(decision.plan), "the plan");
  return true;
}

}  // namespace

const char* plan_by_names(Plan& plan, const char* program, const Request& request) {
  auto creation = name_all(request);
  if (!creation) return nullptr;
  std::vector<std::string_view> key(creation->words.begin(), creation->words.end());
  key.push_back(creation->config);
  if (recall(plan, key)) return creation->names.fill_in(plan), "remembered";
  try {
    if (!decide_by_names(plan, program, *creation)) return nullptr;
    remember(plan, key);
    creation->names.fill_in(plan);
    return "decided";
  } catch (const Error&) {
    // it is said with the values themselves
    return plan.reset(), nullptr;
  }
}

}  // namespace chrun::oci
