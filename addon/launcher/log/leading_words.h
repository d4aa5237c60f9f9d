// What can be said about a command line without the option table.
#pragma once
#include <cstddef>

namespace chrun {

/// How many of these words (NULL-terminated, the program's name left out) surely come before the image or the user's
/// command: those before `--`, or where there is none those before the first that is no option.
size_t count_leading_words(char* const* words);

}  // namespace chrun
