// Questions about this process and this build, output, and other programs.
#pragma once
#include "host/questions.h"

namespace chrun {

/// NAME → the value of an environment variable; nothing if it is not set.
Words variable(const Words& arguments);
/// PREFIX → all variables whose names begin with it, as NAME=VALUE, in the order of the environment.
Words variables(const Words& arguments);
/// → effective user and group, the process id, and the release of the kernel.
Words identity(const Words& arguments);
/// → the name of the effective user; nothing where the host knows none.
Words login_name(const Words& arguments);
/// Descriptor, bytes: writes all of them, and waits where the other side is slow.
Words write_out(const Words& arguments);
/// Descriptor → something if it is a terminal.
Words is_terminal(const Words& arguments);
/// Time limit in milliseconds, program, arguments → exit status, number of the signal that ended it or 0, what it wrote
/// to standard output and to standard error. ETIMEDOUT where it had to be killed.
Words run_program(const Words& arguments);
/// PROGRAM, its arguments → exit status and signal. What it prints goes to our standard error.
Words run_beside(const Words& arguments);
/// Call, argument, mask, value for each rule, the last three empty for a rule without them → the filter's bytes.
Words filter(const Words& arguments);
/// → what /proc/self/cgroup says, and the lines of group_mounts().
Words control_groups(const Words& arguments);
/// → the architecture that this was built for, as OCI calls it.
Words architecture(const Words& arguments);
/// Words as in compile_rules.h → the filter's bytes.
Words rules(const Words& arguments);
/// → the names of the features that are built in.
Words features(const Words& arguments);
/// → the text of --version.
Words version(const Words& arguments);
/// → the libraries that are built in, and the JavaScript engine, each with its version.
Words libraries(const Words& arguments);

}  // namespace chrun
