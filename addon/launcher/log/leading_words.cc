#include "launcher/log/leading_words.h"

#include <cstring>

namespace chrun {

size_t count_leading_words(char* const* words) {
  size_t count = 0;
  while (words[count] != nullptr && strcmp(words[count], "--") != 0) count++;
  if (words[count] != nullptr) return count;
  for (count = 0; words[count] != nullptr && words[count][0] == '-';) count++;
  return count;
}

}  // namespace chrun
