// What is known about a command line without the option table.
#pragma once
#include <cstddef>

namespace chrun {

/// How many of these arguments (NULL-terminated, without the program's name) certainly come before the image or the
/// user's command: those before `--`, or if there is none, those before the first that is not an option.
size_t count_leading_words(char* const* words);

}  // namespace chrun
