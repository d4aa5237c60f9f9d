// When many ranks of a node find no memo at once, one of them starts Node and the others wait for its plan.
#pragma once
#include "base/fd.h"

namespace chrun {

/// Whose turn it is to start the CLI for a command line, among the processes of this user on this node.
struct Turn {
  Fd holder;            // ours as long as this (or a copy that exec left open) is; inherited over exec
  bool waited = false;  // somebody else's turn ended, or took too long: look into memory again
};

/// Takes the turn for these words, or waits until another process gives it back, 2 s at most. A process that
/// dies gives back its turn. Never throws: without a turn everybody decides for himself.
Turn take_turn(char* const* words);

}  // namespace chrun
