// The outer end of a container's terminal.
#pragma once
#include <string>

#include "base/fd.h"
#include "launcher/process/sides.h"

namespace chrun {

/// Sends it to who listens at that socket. Throws SysError.
void send_terminal(const std::string& socket, const Fd& terminal);

/// Copies between it and our standard streams until the first process has ended; returns how, as waitpid(2) has it. Our
/// own terminal is raw meanwhile, its size is the container's, and it is restored whatever happens but SIGKILL.
int relay_terminal(const Fd& terminal, const Sides& sides);

}  // namespace chrun
