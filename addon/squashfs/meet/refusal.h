// How the processes of this room tell each other what went wrong: a packet with a record of base/error_record.
#pragma once
#include <string>

#include "base/error.h"

namespace chrun::squashfs {

/// The packet that says `error`; `hint` is what helps.
std::string refusal_packet(const Error& error, const std::string& hint);

/// Throws what a packet says, with Exit::server.
[[noreturn]] void throw_refusal(const std::string& packet);

}  // namespace chrun::squashfs
