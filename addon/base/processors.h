// How many processors a program may keep busy.
#pragma once

namespace chrun {

/// Those that this process may run on, sched_getaffinity(2).
unsigned allowed_processors();

/// How many processors' worth of time the control groups of this process allow it, of version 2 (cpu.max) and of
/// version 1 (cpu.cfs_quota_us); infinity without a limit.
double processor_time_limit();

}  // namespace chrun
