// Vendors' programs that prepare a container: hooks of the OCI runtime specification.
#pragma once
#include <string>
#include <vector>

namespace chrun {

struct Hook {
  std::string path;
  std::vector<std::string> arguments;    // all of them, argv[0] included; none: the path
  std::vector<std::string> environment;  // NAME=VALUE; nothing else is passed on
  bool inherits = false;                 // the caller's environment, in place of that
  int timeout = 0;                       // seconds; 0: as long as it takes
};

/// Runs a hook with `state`, that of the container in JSON, on standard input; what it prints goes to standard error.
/// Throws Error or SysError where it can't be started, fails, or takes too long.
void execute_hook(const Hook& hook, const std::string& state);

/// Runs a hook for the container whose root-to-be is `root`, before it is the root: as the createContainer hooks of an
/// OCI runtime, with the container's state on standard input. Its root directory is `host`, a mount of a copy of the
/// host's. What it prints goes to standard error. Throws Error or SysError where it can't be started, fails, or takes
/// too long.
void run_hook(int host, int root, const Hook& hook);

}  // namespace chrun
