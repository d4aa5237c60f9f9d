#include "oci/verbs.h"

#include <regex.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json_string.h"
#include "base/proc.h"
#include "base/text.h"
#include "containers/processes.h"
#include "containers/report.h"
#include "launcher/log/log.h"
#include "launcher/parent/life.h"
#include "launcher/parent/scope.h"
#include "oci/events.h"
#include "oci/ps.h"

namespace chrun::oci {
namespace {

constexpr const char* kName = "/ch-oci-ts";
constexpr const char* kInterval = "5s";

/// Root, but not of a user namespace only.
bool is_root_of_machine() {
  return geteuid() == 0 && text_of("/proc/self/uid_map").find("4294967295") != std::string::npos;
}

bool has(const Request& request, std::string_view option) { return request.values.contains(option); }

std::string root_of(const Request& request) {
  const auto given = request.values.find("root");
  const std::string root = given == request.values.end() ? default_root() : given->second;
  if (root.empty())
    throw Error(given == request.values.end() ? "there is no place for containers: XDG_RUNTIME_DIR is not set"
                                              : "expected a directory for --root, got ''",
                "give it with --root");
  return root;
}

int start(const Request& request) {
  Container container = Container::open(root_of(request), request.operands[0]);
  start_container(container);
  return 0;
}

int state(const Request& request) {
  const Container container = Container::open(root_of(request), request.operands[0]);
  const Json saved = container.state();
  const Status status = container.status(saved);
  const std::string report = saved.is_empty() ? unsaved_report(container.id(), status)
                                              : state_report(saved, status, Container::process(saved).pid);
  write_all(STDOUT_FILENO, report, "standard output");
  return 0;
}

/// An extended regular expression, as in regex(7).
class Pattern {
 public:
  explicit Pattern(const std::string& text) {
    if (regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      throw Error("expected a regular expression for --regex, got '" + text + "'");
  }
  ~Pattern() { regfree(&compiled_); }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  bool matches(const std::string& text) const { return regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0; }

 private:
  regex_t compiled_;
};

/// The id that was given, or with --regex those of all containers that match it.
std::vector<std::string> wanted_ids(const Request& request, const std::string& root) {
  if (!has(request, "regex")) return {request.operands[0]};
  const Pattern pattern(request.operands[0]);
  std::vector<std::string> ids = list_ids(root);
  std::erase_if(ids, [&](const std::string& id) { return !pattern.matches(id); });
  return ids;
}

void send_signal(const Container& container, std::string signal, bool all) {
  const bool is_given = !signal.empty();
  if (!is_given) signal = container.state()["annotations"]["org.opencontainers.image.stopSignal"].text();
  int number = signal.empty() ? SIGTERM : parse_signal(signal);
  // Slurm names none, and nothing else comes after it
  if (!is_given) number = ending_signal(container, number);
  if (all)
    signal_all(container, number);
  else
    signal_container(container, number);
}

int kill(const Request& request) {
  const std::string root = root_of(request);
  for (const std::string& id : wanted_ids(request, root))
    send_signal(Container::open(root, id), request.operands.size() > 1 ? request.operands[1] : "", has(request, "all"));
  return 0;
}

/// What can be told of a container that others may delete meanwhile.
struct Row {
  std::string version{}, id{}, status{}, bundle{}, root{}, created{}, owner{};
  int pid = 0;
};

std::optional<Row> describe(const std::string& root, const std::string& id) {
  Row row;
  row.id = id, row.status = "unknown";
  try {
    const auto container = Container::open_if_any(root, id);
    if (!container) return {};
    const Json saved = container->state();
    row.status = status_word(container->status(saved));
    row.version = saved["ociVersion"].text(), row.root = saved["rootfs"].text();
    row.bundle = saved["bundle"].text(), row.created = saved["created"].text(), row.owner = saved["owner"].text();
    row.pid = saved.is_empty() ? 0 : Container::process(saved).pid;
  } catch (const Error& failure) {
    log::warning(failure.what());
  }
  return row;
}

std::string to_json(const Row& row) {
  std::string json = "{";
  const auto add = [&](const char* key, const std::string& text) {
    json += std::string(json.size() > 1 ? ",\"" : "\"") + key + "\":";
    append_json_string(json, text);
  };
  add("ociVersion", row.version), add("id", row.id);
  json += ",\"pid\":" + std::to_string(row.pid);
  add("status", row.status), add("bundle", row.bundle), add("rootfs", row.root);
  add("created", row.created), add("owner", row.owner);
  return json + "}";
}

std::string to_line(const std::vector<std::string>& columns) {
  constexpr size_t kWidths[] = {20, 10, 12, 40, 32};
  std::string line;
  for (size_t i = 0; i < columns.size(); i++) {
    line += visible(columns[i]);
    if (i + 1 < columns.size())
      line += std::string(std::max<size_t>(kWidths[i], columns[i].size() + 2) - columns[i].size(), ' ');
  }
  return line + "\n";
}

int list(const Request& request) {
  const std::string root = root_of(request);
  const auto format = request.values.find("format");
  const bool json = format != request.values.end() && format->second == "json";
  std::string text;
  for (const std::string& id : list_ids(root)) {
    const auto row = describe(root, id);
    if (!row) continue;
    if (json)
      text += (text.empty() ? "" : ",") + to_json(*row);
    else if (has(request, "quiet"))
      text += id + "\n";
    else
      text += to_line({row->id, std::to_string(row->pid), row->status, row->bundle, row->created, row->owner});
  }
  if (json)
    text = "[" + text + "]\n";
  else if (!has(request, "quiet"))
    text = to_line({"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}) + text;
  write_all(STDOUT_FILENO, text, "standard output");
  return 0;
}

std::vector<ProcessStatus> processes_of(const Container& container, const ProcessId& first) {
  const Groups groups = container.groups();
  if (groups.empty()) return list_processes(first);
  std::vector<ProcessStatus> all;
  for (const pid_t pid : processes_in(groups)) {
    if (ProcessStatus status = read_process(pid); status.pid != 0) all.push_back(std::move(status));
  }
  return all;
}

int pause(const Request& request) {
  Container container = Container::open(root_of(request), request.operands[0]);
  pause_container(container, request.verb == "pause");
  return 0;
}

/// `system UNIT` or `user UNIT`, and a property of it: NAME SIGNATURE VALUE.
void add_property(Scope& scope, const std::string& place, const std::string& property) {
  const size_t space = place.find(' ');
  scope.is_user = place.substr(0, space) == "user";
  scope.unit = place.substr(space + 1);
  std::istringstream words(property);
  for (std::string word; words >> word;) scope.properties.push_back(word);
  scope.count++;
}

/// update ID, and pairs: FILE VALUE, a unit and a property, or nothing and a warning: src/oci/update.ts has found out
/// which.
int update(const Request& request) {
  Container container = Container::open(root_of(request), request.operands[0]);
  container.lock();
  const Status status = container.status(container.state());
  if (status == Status::stopped || status == Status::creating)
    throw Error("can't update container " + container.id() + ": it is " + status_word(status));
  Scope scope{};
  std::vector<std::pair<std::string, std::string>> files;
  for (size_t i = 1; i + 1 < request.operands.size(); i += 2) {
    const std::string &place = request.operands[i], &value = request.operands[i + 1];
    if (place.empty())
      log::warning(value);
    else if (place.front() == '/')
      files.emplace_back(place, value);
    else
      add_property(scope, place, value);
  }
  if (scope.count > 0) change_scope(scope);
  // after systemd, which writes some of them, too, and less exactly
  for (const auto& [file, value] : files) write_setting(file, value);
  return 0;
}

/// `5s`, `500ms`, `2m`, or seconds.
int milliseconds(const std::string& text) {
  size_t end = 0;
  const double number = std::stod(text, &end);
  const std::string unit = text.substr(end);
  return static_cast<int>(number * (unit == "ms" ? 1 : unit == "m" ? 60'000 : 1000));
}

int events(const Request& request) {
  const Container container = Container::open(root_of(request), request.operands[0]);
  const Status status = container.status(container.state());
  if (status == Status::stopped || status == Status::creating)
    throw Error("can't show events of container " + container.id() + ": it is " + status_word(status));
  if (has(request, "stats")) {
    write_all(STDOUT_FILENO, stats_of(container) + "\n", "standard output");
    return 0;
  }
  const auto interval = request.values.find("interval");
  follow_events(container, milliseconds(interval == request.values.end() ? kInterval : interval->second));
  return 0;
}

/// By ps(1) where the host has it.
std::string table_of(const std::vector<ProcessStatus>& all, const std::vector<std::string>& options) {
  std::vector<pid_t> numbers;
  for (const ProcessStatus& each : all) numbers.push_back(each.pid);
  try {
    return list_by_ps(options.empty() ? std::vector<std::string>{"-ef"} : options, numbers);
  } catch (const SysError& refusal) {
    if (refusal.code() != ENOENT || !options.empty()) throw;
  }
  std::string text = to_line({"PID", "PPID", "COMMAND"});
  for (const ProcessStatus& each : all)
    text += to_line({std::to_string(each.pid), std::to_string(each.parent), each.name});
  return text;
}

int ps(const Request& request) {
  const Container container = Container::open(root_of(request), request.operands[0]);
  const Json saved = container.state();
  const ProcessId first = saved.is_empty() ? ProcessId{} : Container::process(saved);
  const auto format = request.values.find("format");
  const bool json = format != request.values.end() && format->second == "json";
  const std::vector<ProcessStatus> all = first.pid == 0 ? std::vector<ProcessStatus>{} : processes_of(container, first);
  if (!json) {
    write_all(STDOUT_FILENO, table_of(all, {request.operands.begin() + 1, request.operands.end()}), "standard output");
    return 0;
  }
  std::string text;
  for (const ProcessStatus& each : all) text += (text.empty() ? "" : ",") + std::to_string(each.pid);
  write_all(STDOUT_FILENO, "[" + text + "]\n", "standard output");
  return 0;
}

int remove(const Request& request) {
  const std::string root = root_of(request);
  const bool force = has(request, "force");
  for (const std::string& id : wanted_ids(request, root)) {
    auto container = force ? Container::open_if_any(root, id) : Container::open(root, id);
    if (container) delete_container(*container, force);
  }
  return 0;
}

}  // namespace

std::string default_root() {
  if (is_root_of_machine()) return std::string("/run") + kName;
  const char* directory = getenv("XDG_RUNTIME_DIR");
  return directory == nullptr || *directory != '/' ? "" : directory + std::string(kName);
}

int carry_out(const Request& request) {
  if (request.verb == "start") return start(request);
  if (request.verb == "state") return state(request);
  if (request.verb == "kill") return kill(request);
  if (request.verb == "ps") return ps(request);
  if (request.verb == "list") return list(request);
  if (request.verb == "update") return update(request);
  if (request.verb == "events") return events(request);
  if (request.verb == "pause" || request.verb == "resume") return pause(request);
  return remove(request);
}

}  // namespace chrun::oci
