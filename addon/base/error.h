// Failures as exceptions: thrown at the spot, caught only in main() and at the addon's edge.
#pragma once
#include <cerrno>
#include <stdexcept>
#include <string>

namespace chrun {

/// Exit statuses of our own; everything else is the command's.
enum class Exit : int {
  failure = 31,  // the launcher failed
  command = 49,  // the command could not be started
  usage = 64,    // wrong command line
  server = 84,   // the file-system server ended before the command could start
  feature = 87,  // --feature: not built in
};

/// Something is wrong and the words say what: lower case, no final period, the value named.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string hint = {}, Exit exit = Exit::failure)
      : std::runtime_error(message), hint_(std::move(hint)), exit_(exit) {}

  const std::string& hint() const { return hint_; }
  Exit exit() const { return exit_; }

 protected:
  void set_hint(std::string hint) { hint_ = std::move(hint); }

 private:
  std::string hint_;
  Exit exit_;
};

/// A system call failed: Refused makes it. Call and errno select the hint.
class SysError : public Error {
 public:
  /// With a message that is already in words, such as that of another process of ours.
  SysError(const std::string& message, std::string hint, std::string call, int code, Exit exit)
      : Error(message, std::move(hint), exit), call_(std::move(call)), code_(code) {}

  const char* call() const { return call_.c_str(); }
  int code() const { return code_; }
  /// What was refused, where the call alone does not say it ("overlay" of mount); empty elsewhere. Hints go by it.
  const std::string& subject() const { return subject_; }

  /// The same failure with that, with a hint, or in other words: call and errno stay.
  SysError about(std::string subject) const;
  SysError hinted(std::string hint) const;
  SysError reworded(const std::string& message, Exit exit) const;

 private:
  std::string call_, subject_;
  int code_;
};

/// Throws `failure` in other words: its hint and exit status, and call and errno if it has them, stay.
[[noreturn]] void throw_reworded(const Error& failure, const std::string& message);

/// A refusal by the system call `call` ("mount"), taken at once. What could not be done is said after that:
/// `throw Refused("mount").cannot("bind " + source)`. Since C++17 what stands before a call's parenthesis is evaluated
/// before its arguments, so building the text can't change errno; as one more argument, errno might be read after it.
class Refused {
 public:
  explicit Refused(const char* call, int code = errno) : call_(call), code_(code) {}
  /// "CALL: ERRNO's words".
  std::string words() const;
  /// "can't ACTION: ", and these words.
  SysError cannot(const std::string& action, Exit exit = Exit::failure) const;

 private:
  const char* call_;
  int code_;
};

/// The system's words for an errno value, beginning in lower case as our messages do.
std::string errno_words(int code);

}  // namespace chrun
