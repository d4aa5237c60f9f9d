// Memos: plans remembered on disk, found by the words before the user's command. docs/how-it-works.md.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "launcher/files/memo_directory.h"
#include "launcher/plan/plan.h"

namespace chrun {

/// What was found in memory for a command line.
struct Recollection {
  size_t command = 0;  // position of the user's command in the words; 0: no plan, or none that still holds
  std::string why;     // the name of what was found, or why nothing was, in words
};

/// Looks for a plan of these words (NULL-terminated, the program's name first) whose facts all hold, and
/// reads it into `plan`. Never throws: a memory that can't be used counts as empty.
Recollection recall(Plan& plan, char* const* words);

/// Keeps `plan` for words 1 … `key_words` of `words`, the last of which is the image. Returns what became of
/// it, in words. Never throws.
std::string remember(const Plan& plan, const std::vector<char*>& words, size_t key_words);

/// The same for a plan that is found by exactly these words, wherever the working directory is.
bool recall(Plan& plan, const std::vector<std::string_view>& words);
std::string remember(const Plan& plan, const std::vector<std::string_view>& words);

/// Forgets every plan, and what commands read. Returns how many there were. Throws SysError or Error.
Removed forget_all();

}  // namespace chrun
