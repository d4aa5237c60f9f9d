// Where the file-system server remembers what a command reads, and what it calls the command.
#pragma once
#include <span>

#include "squashfs/client/client.h"

namespace chrun {

/// The directory of remembered plans, if it can be used, and a number for the command's program and script: the first
/// of its arguments that is not an option, unless that is a piece of a program, as with `-c`. No other argument
/// matters.
squashfs::ReadsPlace reads_place(std::span<char* const> command);

}  // namespace chrun
