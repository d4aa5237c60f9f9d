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

void throw_reworded(const Error& failure, const std::string& message) {
  if (const auto* refusal = dynamic_cast<const SysError*>(&failure)) throw refusal->reworded(message, failure.exit());
  throw Error(message, failure.hint(), failure.exit());
}

SysError Refused::cannot(const std::string& action, Exit exit) const {
  return {"can't " + action + ": " + words(), {}, call_, code_, exit};
}

std::string Refused::words() const { return std::string(call_) + ": " + errno_words(code_); }

SysError SysError::about(std::string subject) const {
  SysError same = *this;
  same.subject_ = std::move(subject);
  return same;
}

SysError SysError::hinted(std::string hint) const {
  SysError same = *this;
  same.set_hint(std::move(hint));
  return same;
}

SysError SysError::reworded(const std::string& message, Exit exit) const {
  return SysError(message, hint(), call_, code_, exit).about(subject_);
}

}  // namespace chrun
