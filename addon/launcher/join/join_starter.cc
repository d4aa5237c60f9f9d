#include "launcher/join/join_starter.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/process_id.h"
#include "launcher/join/join_proof.h"

namespace chrun {
namespace {

constexpr int kMostAncestors = 64;

/// Whether `process` is this one or one that it comes from: variables can be older than the processes they name.
bool is_ancestor(pid_t process) {
  pid_t at = getpid();
  for (int i = 0; i < kMostAncestors && at > 0; i++) {
    if (at == process) return true;
    at = read_process(at).parent;
  }
  return false;
}

std::string read_text(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(1 << 16, '\0');
  const ssize_t got = file ? read(file.get(), text.data(), text.size()) : 0;
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

/// A child that may still become a peer: running, and no keeper.
bool has_working_child(const std::string& children) {
  const char* at = children.c_str();
  for (char* end; const long child = strtol(at, &end, 10); at = end) {
    if (end == at) break;
    const ProcessStatus status = read_process(static_cast<pid_t>(child));
    if (status.is_running() && status.name != kKeeperName) return true;
  }
  return false;
}

}  // namespace

bool Starter::is_done() const {
  if (process <= 0) return false;
  if (kill(process, 0) != 0 && errno == ESRCH) return true;
  if (!all_at_once) return false;
  // each thread has its own children; where they can't be read (hidepid), nothing is known
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(tasks.c_str()), closedir);
  if (!directory) return false;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string children = tasks + "/" + entry->d_name + "/children";
    if (access(children.c_str(), R_OK) != 0 || has_working_child(read_text(children))) return false;
  }
  return true;
}

Starter find_starter(const Environment& environment, bool same_parent) {
  const pid_t task = atoi(std::string(environment.get("SLURM_TASK_PID").value_or("0")).c_str());
  if (task > 0 && is_ancestor(task)) return {read_process(task).parent, true};
  return {same_parent ? getppid() : 0, false};
}

}  // namespace chrun
