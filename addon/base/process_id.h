// Identifies a process, and whether it is alive: a PID alone may have been reused.
#pragma once
#include <string>

namespace chrun {

struct ProcessId {
  int pid = 0;                   // 0: none
  unsigned long long start = 0;  // clock ticks from boot to its start (proc(5), field 22 of stat)
};

/// What proc(5) tells in /proc/PID/stat.
struct ProcessStatus {
  int pid = 0;  // 0: there is no such process
  char state = 'X';
  int parent = 0;
  unsigned long long start = 0;
  std::string name;  // the first 15 bytes of it

  /// A zombie has left its namespaces and will do nothing any more.
  bool is_running() const { return state != 'Z' && state != 'X'; }
};

ProcessStatus read_process(int pid);

/// This process. Throws SysError where /proc can't be read, and Error as the next one.
ProcessId own_process(const std::string& option);

/// Throws Error if /proc belongs to another PID namespace than this process: then PIDs given to `option` would be
/// wrong.
void require_own_proc(const std::string& option);

/// Whether it runs or is stopped.
bool is_alive(const ProcessId& process);

}  // namespace chrun
