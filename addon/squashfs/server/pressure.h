// How busy the machine is, and the control group of this process: whether there is room for work that nobody waits for.
#pragma once
#include "base/fd.h"

namespace chrun::squashfs {

/// Pressure on memory (PSI, Linux 4.20), of the machine and of this control group. Files are opened when it is made,
/// which has to be outside of the sandbox.
class Pressure {
 public:
  Pressure();
  /// Whether processes have waited for memory for more than a twentieth of the last ten seconds.
  bool is_high() const;

 private:
  Fd machine_, group_;
};

/// How many cores may be used for such work: all that this process may run on, but with a limit on CPU time one less
/// than that is worth, because idle time of a core is no use to a group that has used its time up.
unsigned idle_cores();

}  // namespace chrun::squashfs
