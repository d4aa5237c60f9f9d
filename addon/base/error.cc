#include "base/error.h"

#include <cctype>
#include <cstring>

namespace chrun {

std::string errno_words(int code) {
  std::string words = strerror(code);
  // "Permission denied" becomes "permission denied", but "RPC struct is bad" keeps its capitals
  if (words.size() > 1 && std::islower(static_cast<unsigned char>(words[1]))) {
    words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  }
  return words;
}

SysError::SysError(const std::string& action, const char* call, int code, Exit exit)
    : Error("can't " + action + ": " + call + ": " + errno_words(code), {}, exit), call_(call), code_(code) {}

}  // namespace chrun
