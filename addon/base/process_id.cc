#include "base/process_id.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/fd.h"

namespace chrun {
namespace {

/// Field `number`, counted from 3 (the state): the name in field 2 may hold blanks and parentheses.
const char* stat_field(const char* text, int number) {
  const char* at = strrchr(text, ')');
  for (int field = 2; at != nullptr && field < number; field++) at = strchr(at + 1, ' ');
  return at == nullptr ? nullptr : at + 1;
}

ProcessStatus read_status(const char* path) {
  char text[1024];
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t got = file ? read(file.get(), text, sizeof text - 1) : -1;
  if (got <= 0) return {};
  text[got] = '\0';
  const char *state = stat_field(text, 3), *start = stat_field(text, 22), *name = strchr(text, '(');
  if (state == nullptr || start == nullptr || name == nullptr) return {};
  return {atoi(text), *state, atoi(stat_field(text, 4)), strtoull(start, nullptr, 10), {name + 1, state - 2}};
}

[[noreturn]] void refuse_proc(const std::string& option) {
  throw Error(option + ": /proc belongs to another PID namespace than this process",
              "mount /proc again in the PID namespace (unshare --pid --fork --mount-proc)");
}

}  // namespace

ProcessStatus read_process(int pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  return read_status(path);
}

void require_own_proc(const std::string& option) {
  char text[16] = {};
  const ssize_t size = readlink("/proc/self", text, sizeof text - 1);
  if (size < 0 && errno != ENOENT) throw Refused("readlink").cannot("find this process in /proc");
  if (size < 0 || atoi(text) != getpid()) refuse_proc(option);
}

ProcessId own_process(const std::string& option) {
  const ProcessStatus status = read_status("/proc/self/stat");
  if (status.pid == 0 && errno != ENOENT) throw Refused("read /proc").cannot("determine when this process started");
  if (status.pid != getpid()) refuse_proc(option);
  return {status.pid, status.start};
}

bool is_alive(const ProcessId& process) {
  if (process.pid <= 0) return false;
  const ProcessStatus status = read_process(process.pid);
  return status.is_running() && status.start == process.start;
}

}  // namespace chrun
