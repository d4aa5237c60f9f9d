#include "containers/groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "base/fd.h"
#include "base/json_string.h"
#include "base/proc.h"

namespace chrun {
namespace {

constexpr int kStepMicroseconds = 10'000, kMostSteps = 1000;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

/// The directories from the mount point's first one to the group itself.
std::vector<std::string> way_to(const Group& group) {
  std::vector<std::string> way;
  for (size_t slash = group.path.find('/', 1);; slash = group.path.find('/', slash + 1)) {
    way.push_back(group.mount + group.path.substr(0, slash));
    if (slash == std::string::npos) return way;
  }
}

std::string line_of(const std::string& file) {
  std::string text = text_of(file);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// In version 1, a new group has no processors and no memory until somebody says which.
void inherit_cpuset(const std::string& directory, const std::string& above) {
  for (const char* name : {"/cpuset.cpus", "/cpuset.mems"}) {
    if (line_of(directory + name).empty()) write_setting(directory + name, line_of(above + name));
  }
}

/// What can't be enabled here is reported when it is set. A group with processes refuses `memory`, but would take
/// controllers of threads, and become a threaded one that takes no other groups: so nothing more is asked of it.
void enable_controllers(const std::string& directory, const std::vector<std::string>& controllers) {
  for (const std::string& name : controllers) {
    const Fd file(open((directory + "/cgroup.subtree_control").c_str(), O_WRONLY | O_CLOEXEC));
    const std::string word = "+" + name;
    if (file && write(file.get(), word.data(), word.size()) < 0 && errno == EBUSY) return;
  }
}

std::string freezer_file(const Group& group) {
  if (group.is_unified()) return group.file("cgroup.freeze");
  return group.has("freezer") ? group.file("freezer.state") : "";
}

bool is_frozen(const Group& group) {
  const std::string file = freezer_file(group);
  if (file.empty()) return false;
  const std::string word = line_of(file);
  return word == "1" || word == "FROZEN" || word == "FREEZING";
}

void require_unused(const Group& group) {
  // who may not join it does without it
  if (access(group.file("cgroup.procs").c_str(), W_OK) != 0) return;
  if (is_frozen(group)) throw Error("the control group " + group.directory() + " is frozen");
  if (!text_of(group.file("cgroup.procs")).empty())
    throw Error("the control group " + group.directory() + " has processes already");
}

/// Version 1 first: there the controller is where both are mounted.
const Group* freezer_of(const Groups& groups) {
  const Group* found = nullptr;
  for (const Group& group : groups) {
    const std::string file = freezer_file(group);
    if (file.empty() || access(file.c_str(), F_OK) != 0) continue;
    if (!group.is_unified()) return &group;
    found = &group;
  }
  return found;
}

bool has_settled(const Group& group, bool frozen) {
  if (!group.is_unified()) return line_of(freezer_file(group)) == (frozen ? "FROZEN" : "THAWED");
  const std::string events = text_of(group.file("cgroup.events"));
  return events.find(frozen ? "frozen 1" : "frozen 0") != std::string::npos;
}

void freeze(const Group& group, bool frozen) {
  const std::string word = group.is_unified() ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED");
  for (int step = 0; step < kMostSteps; step++) {
    // version 1 may stop halfway, where processes fork meanwhile: saying it again helps
    if (step == 0 || !group.is_unified()) write_setting(freezer_file(group), word);
    if (has_settled(group, frozen)) return;
    usleep(kStepMicroseconds);
  }
  if (frozen) write_setting(freezer_file(group), group.is_unified() ? "0" : "THAWED");
  throw Error("the control group " + group.directory() + " does not get " + (frozen ? "frozen" : "thawed"));
}

std::vector<std::string> groups_below(const std::string& directory) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, CloseDirectory> all(opendir(directory.c_str()));
  if (!all) return found;
  while (const dirent* entry = readdir(all.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') found.push_back(directory + "/" + entry->d_name);
  }
  return found;
}

void add_processes(const std::string& directory, std::vector<pid_t>& all) {
  std::istringstream lines(text_of(directory + "/cgroup.procs"));
  for (pid_t pid; lines >> pid;) {
    // 0: of another PID namespace, which is not below ours
    if (pid > 0 && std::ranges::find(all, pid) == all.end()) all.push_back(pid);
  }
  for (const std::string& below : groups_below(directory)) add_processes(below, all);
}

/// False if it is still in use.
bool remove_directories(const std::string& directory) {
  for (const std::string& below : groups_below(directory)) {
    if (!remove_directories(below)) return false;
  }
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return true;
  if (errno == EBUSY || errno == ENOTEMPTY) return false;
  const Refused refused("rmdir");
  // below a group that we may not search, as those of a Slurm job can be, we have made none
  struct stat status;
  if (stat(directory.c_str(), &status) != 0 && errno == EACCES) return true;
  throw refused.cannot("remove the control group " + directory);
}

void append(std::string& json, const char* key, const std::string& text) {
  json += (json.back() == '{' ? "\"" : ",\"") + std::string(key) + "\":";
  append_json_string(json, text);
}

}  // namespace

void look_at_group(Group& group) {
  group.made.clear();
  for (const std::string& directory : way_to(group)) {
    if (access(directory.c_str(), F_OK) != 0) group.made.push_back(directory);
  }
  if (group.made.empty()) require_unused(group);
}

void make_group(const Group& group, const std::vector<std::string>& controllers) {
  std::string above = group.mount;
  for (const std::string& directory : way_to(group)) {
    if (group.is_unified()) enable_controllers(above, controllers);
    if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
      throw Refused("mkdir").cannot("create the control group " + directory);
    if (group.has("cpuset")) inherit_cpuset(directory, above);
    above = directory;
  }
}

void write_setting(const std::string& file, const std::string& value) {
  const std::string action = "set " + file + " to '" + value + "'";
  const Fd opened(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!opened) throw Refused("open").cannot(action);
  if (write(opened.get(), value.data(), value.size()) < 0) throw Refused("write").cannot(action);
}

void join_group(const Group& group, pid_t pid) {
  const Fd file(open(group.file("cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  const std::string number = std::to_string(pid);
  if (!file) throw Refused("open").cannot("join the control group " + group.directory());
  if (write(file.get(), number.data(), number.size()) < 0)
    throw Refused("write").cannot("join the control group " + group.directory());
}

void join_group_of(const Group& group, pid_t first, pid_t pid) {
  try {
    join_group(group, pid);
  } catch (const SysError& refusal) {
    if (refusal.code() != EBUSY || !group.is_unified()) throw;
    Group now = group;
    now.path = group_in(text_of("/proc/" + std::to_string(first) + "/cgroup"), "");
    if (now.path.empty()) throw;
    join_group(now, pid);
  }
}

bool Birthplace::add(const Group& group) {
  Fd file(group.is_unified() ? open(group.directory().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)
                             : open(group.file("tasks").c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return false;
  if (group.is_unified())
    unified = std::move(file);
  else
    others.emplace_back(group, std::move(file));
  return true;
}

void move_into(const Birthplace& place) {
  for (const auto& [group, threads] : place.others) {
    if (write(threads.get(), "0", 1) < 0) throw Refused("write").cannot("join the control group " + group.directory());
  }
}

std::vector<pid_t> processes_in(const Groups& groups) {
  std::vector<pid_t> all;
  for (const Group& group : groups) add_processes(group.directory(), all);
  return all;
}

bool can_freeze(const Groups& groups) { return freezer_of(groups) != nullptr; }

void freeze(const Groups& groups, bool frozen) {
  const Group* freezer = freezer_of(groups);
  if (freezer == nullptr) throw Error("the container has no control group that can be frozen");
  freeze(*freezer, frozen);
}

void signal_groups(const Groups& groups, int number) {
  const auto unified = std::ranges::find_if(groups, &Group::is_unified);
  const Group* freezer = freezer_of(groups);
  const bool was_frozen = freezer != nullptr && is_frozen(*freezer);
  if (number == SIGKILL && unified != groups.end() && access(unified->file("cgroup.kill").c_str(), W_OK) == 0) {
    write_setting(unified->file("cgroup.kill"), "1");
  } else {
    // a number can't be given away while all are stopped
    if (freezer != nullptr && !was_frozen) freeze(*freezer, true);
    for (const pid_t pid : processes_in(groups)) kill(pid, number);
    if (freezer != nullptr && !was_frozen) freeze(*freezer, false);
  }
  // of version 1, what is frozen does not even die
  if (number == SIGKILL && was_frozen) freeze(*freezer, false);
}

unsigned long long memory_kills(const Groups& groups) {
  constexpr std::string_view kWord = "\noom_kill ";
  const auto with_memory = [](const Group& group) { return group.has("memory"); };
  auto group = std::ranges::find_if(groups, with_memory);
  if (group == groups.end()) group = std::ranges::find_if(groups, &Group::is_unified);
  if (group == groups.end()) return 0;
  const std::string text = "\n" + text_of(group->file(group->is_unified() ? "memory.events" : "memory.oom_control"));
  const size_t found = text.find(kWord);
  return found == std::string::npos ? 0 : strtoull(text.c_str() + found + kWord.size(), nullptr, 10);
}

void remove_groups(const Groups& groups) {
  for (int step = 0;; step++) {
    if (!processes_in(groups).empty()) signal_groups(groups, SIGKILL);
    const auto left =
        std::ranges::find_if(groups, [](const Group& group) { return !remove_directories(group.directory()); });
    if (left == groups.end()) break;
    if (step == kMostSteps) throw Error("the control group " + left->directory() + " stays in use");
    usleep(kStepMicroseconds);
  }
  for (const Group& group : groups) {
    for (auto made = group.made.rbegin(); made != group.made.rend(); ++made) rmdir(made->c_str());
  }
}

std::string to_json(const Groups& groups) {
  std::string json = "[";
  for (const Group& group : groups) {
    json += json.size() > 1 ? ",{" : "{";
    append(json, "controllers", group.controllers);
    append(json, "mount", group.mount);
    append(json, "path", group.path);
    if (!group.scope.empty()) append(json, "scope", group.scope);
    json += ",\"made\":[";
    for (const std::string& directory : group.made) {
      if (&directory != &group.made.front()) json += ",";
      append_json_string(json, directory);
    }
    json += "]}";
  }
  return json + "]";
}

Groups parse_groups(const Json& saved) {
  Groups groups;
  for (const Json& each : saved.items()) {
    Group group{each["controllers"].text(), each["mount"].text(), each["path"].text(), {}, each["scope"].text()};
    for (const Json& directory : each["made"].items()) group.made.push_back(directory.text());
    if (group.path.size() > 1) groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace chrun
