// Which process is it, and does it still live? A PID alone may have been given to another one meanwhile.
#pragma once

namespace chrun {

struct ProcessId {
  int pid = 0;                   // 0: none
  unsigned long long start = 0;  // clock ticks from boot to its start (proc(5), field 22 of stat)
};

/// This process. Throws SysError where /proc can't be read.
ProcessId own_process();

/// Whether it runs or is stopped; a zombie has left its namespaces and does not count.
bool is_alive(const ProcessId& process);

}  // namespace chrun
