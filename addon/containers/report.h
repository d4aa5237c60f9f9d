// The state of a container in the words of the OCI runtime specification: for clients and hooks.
#pragma once
#include <string>

#include "containers/container.h"

namespace chrun {

/// As `state` prints it and as hooks get it, of what is saved.
std::string state_report(const Json& saved, Status status, int pid);

/// The same of a container of which nothing is saved yet.
std::string unsaved_report(const std::string& id, Status status);

/// Now, as in RFC 3339, in UTC.
std::string time_words();

}  // namespace chrun
