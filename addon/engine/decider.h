// The deciding TypeScript: run by the built-in QuickJS, or, in a checkout built without it, by Node as a child process.
#pragma once
#include <string>
#include <vector>

namespace chrun {

/// Which program this is: main.cc of each says so.
extern const char* const kProgram;

/// What became of a command line.
struct Decision {
  int status = 0;                 // what to exit with, if there is no plan
  std::string plan;               // what to launch; empty where all is done
  size_t command = 0;             // position of the user's command in the words
  std::vector<std::string> verb;  // what to do natively, in place of a plan: its name, and its fields
  size_t key_words = 0;           // how many words before it the plan is to be remembered for; 0: not at all
};

/// Decides about the command line `words` (NULL-terminated, the program's name first). What was asked to be printed is
/// printed, errors are, too. Throws Error where the TypeScript can't be run.
Decision decide(char* const* words);

/// Which engine this program was built with, and its version if that is known: for --version.
std::string engine_name();

/// As main() in src/run/run.ts returns it. Throws Error where it is malformed.
Decision parse_decision(std::string records);

}  // namespace chrun
