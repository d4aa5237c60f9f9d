// Node asks, and the program that started it answers: through a socket, so that what is answered is the same as with
// the built-in engine, whichever program it is. src/host/program-engine.ts has the other end.
#pragma once
#ifndef CH_RUN_QUICKJS
#include <string>

#include "host/questions.h"

namespace chrun {

/// Answers until Node closes its end. `words` are the answer to its question for the command line. Returns what it
/// decided; empty if it did not. Throws SysError, or Error for a malformed question.
std::string answer_node(int socket, const Words& words);

}  // namespace chrun
#endif
