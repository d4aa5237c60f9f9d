#include "launcher/parent/scope.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>

#include "base/child.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/proc.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

Child start_busctl(const std::vector<std::string>& words, int errors) {
  try {
    return {"busctl", words, environ, {-1, -1, errors}};
  } catch (const SysError& refusal) {
    throw Refused(refusal.call(), refusal.code()).cannot("start busctl, to talk to systemd");
  }
}

/// Its first line on standard error; empty if all went well.
std::string run_busctl(const std::vector<std::string>& words) {
  const Fd errors = above_standard(memory_file("busctl", "", false));
  if (start_busctl(words, errors.get()).wait() == 0) return {};
  lseek(errors.get(), 0, SEEK_SET);
  const std::string text = read_all(errors.get(), "what busctl says", 1 << 16);
  return text.empty() ? "busctl failed" : text.substr(0, text.find('\n'));
}

/// A method of the manager, and the signature of its arguments.
std::vector<std::string> call_of(const Scope& scope, const char* method, const char* signature) {
  const char* const manager = scope.is_user ? "--user" : "--system";
  return {"busctl",
          manager,
          "--quiet",
          "call",
          "org.freedesktop.systemd1",
          "/org/freedesktop/systemd1",
          "org.freedesktop.systemd1.Manager",
          method,
          signature};
}

/// Of version 2, or else of systemd's own hierarchy.
std::string group_of(pid_t pid) {
  const std::string table = text_of("/proc/" + std::to_string(pid) + "/cgroup");
  for (const char* controllers : {"name=systemd", ""}) {
    if (std::string path = group_in(table, controllers); path.size() > 1) return path;
  }
  return {};
}

}  // namespace

std::string start_scope(const Scope& scope, pid_t pid) {
  std::vector<std::string> words = call_of(scope, "StartTransientUnit", "ssa(sv)a(sa(sv))");
  words.insert(words.end(), {scope.unit, "replace", std::to_string(scope.count + 1)});
  words.insert(words.end(), {"PIDs", "au", "1", std::to_string(pid)});
  words.insert(words.end(), scope.properties.begin(), scope.properties.end());
  words.emplace_back("0");
  if (const std::string failure = run_busctl(std::move(words)); !failure.empty())
    throw Error("systemd made no scope " + scope.unit + ": " + failure);
  // the answer is that of a job, which is carried out later
  constexpr int kSteps = 1000, kStepMicroseconds = 10'000;
  for (int step = 0; step < kSteps; step++) {
    if (const std::string path = group_of(pid); path.ends_with("/" + scope.unit)) return path;
    usleep(kStepMicroseconds);
  }
  throw Error("systemd did not put the container into the scope " + scope.unit);
}

void change_scope(const Scope& scope) {
  std::vector<std::string> words = call_of(scope, "SetUnitProperties", "sba(sv)");
  // only at run time: nothing is written to the disk
  words.insert(words.end(), {scope.unit, "true", std::to_string(scope.count)});
  words.insert(words.end(), scope.properties.begin(), scope.properties.end());
  if (const std::string failure = run_busctl(words); !failure.empty())
    throw Error("systemd did not change the scope " + scope.unit + ": " + failure);
}

void stop_scopes(const Groups& groups) {
  std::set<std::string> units;
  for (const Group& group : groups) {
    const size_t space = group.scope.find(' ');
    if (space == std::string::npos || !units.insert(group.scope).second) continue;
    const Scope scope{group.scope.substr(space + 1), group.scope.starts_with("user "), {}, 0};
    std::vector<std::string> words = call_of(scope, "StopUnit", "ss");
    words.insert(words.end(), {scope.unit, "replace"});
    try {
      // refused, it has ended by itself
      run_busctl(words);
    } catch (const SysError& refusal) {
      log::warning("systemd is not told that " + scope.unit + " ends: " + refusal.what());
    }
  }
}

}  // namespace chrun
