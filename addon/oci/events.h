// What a container uses, and when it ran out of memory.
#pragma once
#include <string>

#include "containers/container.h"

namespace chrun::oci {

/// What its control groups say, in JSON, in the form of runc.
std::string stats_of(const Container& container);

/// Prints that once, or again and again after so many milliseconds, and a line when the kernel has killed a process for
/// want of memory; until the container has ended.
void follow_events(const Container& container, int interval);

}  // namespace chrun::oci
