// When many ranks of a node find no memo at once, one of them decides and the others wait for its plan.
#pragma once
#include "base/fd.h"

namespace chrun {

/// Takes the turn to decide for these words, among the processes of this user on this node, or waits until
/// another process gives it back, 2 s at most: then memory is worth another look. The turn lasts as long as the
/// descriptor is open, so a process that dies gives it back. Empty for
/// those who waited, and where another user has taken the name. Never throws: without a turn each process decides for
/// itself.
Fd take_turn(char* const* words);

}  // namespace chrun
