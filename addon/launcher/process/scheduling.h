// What this process, and all that it starts, gets of processors, memory, input and output.
#pragma once
#include <cstdint>
#include <string>

namespace chrun {

/// Of sched_setattr(2).
struct Scheduling {
  unsigned policy, flags;
  int nice;
  unsigned priority;
  uint64_t runtime, deadline, period;
};

/// Each throws SysError that names what was asked for.
void set_scheduler(const Scheduling& wanted, const std::string& name);
void set_io_priority(unsigned kind, unsigned priority);
/// `nodes`, and processors, are numbers and ranges: `0-3,7`.
void set_memory_policy(unsigned mode, const std::string& nodes, const std::string& name);
void set_processors(const std::string& list);
void set_personality(unsigned domain);

/// For the next execve(2). `proc`: a directory that is procfs, whatever the container has at /proc. Throws Error.
void set_security_label(int proc, const std::string& module, const std::string& label);

}  // namespace chrun
