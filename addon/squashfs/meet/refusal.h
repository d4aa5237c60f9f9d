// How the processes of this room report errors to each other: a packet with a record of base/error_record.
#pragma once
#include <string>

#include "base/error.h"

namespace chrun::squashfs {

/// The packet for `error`, with `hint`.
std::string refusal_packet(const Error& error, const std::string& hint);

/// Throws the error in a packet, with Exit::server.
[[noreturn]] void throw_refusal(const std::string& packet);

}  // namespace chrun::squashfs
