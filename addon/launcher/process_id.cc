#include "launcher/process_id.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/fd.h"

namespace chrun {
namespace {

struct Status {
  char state = 'X';
  unsigned long long start = 0;
};

/// Field `number`, counted from 3 (the state): the name in field 2 may hold blanks and parentheses.
const char* stat_field(const char* text, int number) {
  const char* at = strrchr(text, ')');
  for (int field = 2; at != nullptr && field < number; field++) at = strchr(at + 1, ' ');
  return at == nullptr ? nullptr : at + 1;
}

bool read_status(int pid, Status& status) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t got = file ? read(file.get(), text, sizeof text - 1) : -1;
  if (got <= 0) return false;
  text[got] = '\0';
  const char *state = stat_field(text, 3), *start = stat_field(text, 22);
  if (state == nullptr || start == nullptr) return false;
  status = {*state, strtoull(start, nullptr, 10)};
  return true;
}

}  // namespace

ProcessId own_process() {
  Status status;
  const int pid = getpid();
  if (!read_status(pid, status)) throw SysError("find out when this process started", "read /proc");
  return {pid, status.start};
}

bool is_alive(const ProcessId& process) {
  Status status;
  if (process.pid <= 0 || !read_status(process.pid, status)) return false;
  return status.start == process.start && status.state != 'Z' && status.state != 'X';
}

}  // namespace chrun
