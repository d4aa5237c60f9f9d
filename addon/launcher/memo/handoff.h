// The way through Node: what must come out unchanged on the other side travels in a memory file that Node
// never interprets. The launcher writes it and starts the CLI; the CLI starts the launcher again with it.
#pragma once
#include <string>
#include <vector>

#include "base/fd.h"

namespace chrun {

/// What the first launcher process knew and Node would have spoiled.
struct Handoff {
  std::string bytes;               // what the pointers below point into
  std::vector<char*> words;        // the whole command line, NULL-terminated
  std::vector<char*> environment;  // NULL-terminated
  Fd turn;                         // the turn to start the CLI (memo_turn.h), if this process took it
  std::string memory;              // why no remembered plan was used, in words
  long long start_time = 0;        // of the first launcher process, as log.h has it

  Handoff() = default;
  Handoff(Handoff&&) = delete;
};

/// Replaces this process by Node running the CLI. `state` is what record_process_state() wrote, `turn` and
/// `memory` as in Handoff. Returns never; throws Error when that is impossible.
[[noreturn]] void start_cli(char* const* words, char* const* environment, std::string state, const Fd& turn,
                            std::string_view memory);

/// Reads what start_cli() wrote into `descriptor`, and closes it.
void finish_handoff(Handoff& handoff, int descriptor);

}  // namespace chrun
