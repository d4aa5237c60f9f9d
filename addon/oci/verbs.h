// The commands of ch-oci-ts that need no decision.
#pragma once
#include <string>

#include "oci/request.h"

namespace chrun::oci {

/// Where containers are kept, if --root does not say: as root of the machine in /run, else in $XDG_RUNTIME_DIR; empty
/// if that is not set.
std::string default_root();

/// Carries it out; returns the exit status. Throws Error.
int carry_out(const Request& request);

}  // namespace chrun::oci
