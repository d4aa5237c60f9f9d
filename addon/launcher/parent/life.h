// What happens to a container after it was created.
#pragma once
#include <string>

#include "containers/container.h"

namespace chrun {

/// Opens the gate of a created container, and runs its poststart hooks. With NOTIFY_SOCKET, it waits until the
/// container says that it is ready (launcher/parent/notices.h), if `awaits_ready`. Throws Error, also what the first
/// process reports.
void start_container(Container& container, bool awaits_ready = true);

/// Sends a signal to its first process. Throws Error where there is none.
void signal_container(const Container& container, int number);

/// The same for all of them. Throws Error where they can't be told from others.
void signal_all(const Container& container, int number);

/// The signal that ends its first process: `number`, or SIGKILL if that process would never notice `number`, because it
/// ignores it, or is the first of a PID namespace, without a handler.
int ending_signal(const Container& container, int number);

/// Stops all processes, or lets them run on. Throws Error where nothing can do that.
void pause_container(Container& container, bool paused);

/// Ends what is left of it, runs its poststop hooks, and removes its directory. Without `force`, it must be stopped or
/// only created. Throws Error.
void delete_container(Container& container, bool force);

/// Runs the saved hooks of that name, with the container's state; a failure is a warning.
void run_saved_hooks(const Json& saved, const char* name, Status status, int pid);

}  // namespace chrun
