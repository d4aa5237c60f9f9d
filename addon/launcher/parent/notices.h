// What a container tells the service manager that started it, sd_notify(3): it is passed on, line by line.
#pragma once
#include <sys/types.h>

#include "base/fd.h"
#include "base/process_id.h"
#include "containers/container.h"

namespace chrun {

/// Listens for the notices of a container that was made with a directory for them; empty where nobody waits for any
/// (NOTIFY_SOCKET) or the container has no such directory. Throws SysError.
Fd listen_for_notices(const Container& container);

/// Passes notices on until the container says that it is ready, or its first process ends; that is the one to watch,
/// the manager is told then.
void pass_on_until_ready(const Fd& notices, const ProcessId& first);

/// Has a child pass on all notices until the first process ends; returns its number.
pid_t pass_on_beside(const Fd& notices, const ProcessId& first);

}  // namespace chrun
