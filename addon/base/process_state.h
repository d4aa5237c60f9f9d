// What Node spoils in a process before any JavaScript runs: the soft limit on open files, ignored and blocked
// signals, flags and openness of descriptors. The launcher records it before Node starts, the addon restores
// it before Node is replaced: earlier than that, descriptors would be lost in the replacement.
#pragma once
#include <string>

#include "base/records.h"

namespace chrun {

/// Appends records that describe this process to `bytes`.
void record_process_state(std::string& bytes);

/// Applies one of these records; returns false if it is none of them. Throws Error or SysError.
bool restore_process_state(const Record& record);

}  // namespace chrun
