// What a user types, and only the user may read.
#pragma once
#include "host/questions.h"

namespace chrun {

/// PROMPT echo|hidden: a line that the user types on the terminal.
Words ask_user(const Words& arguments);
/// All of standard input, without the end of its last line.
Words read_input(const Words& arguments);
/// PATH TEXT: writes a file in one step that only its owner may read, and the directories above it.
Words save_secret(const Words& arguments);

}  // namespace chrun
