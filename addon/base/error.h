// Failures as exceptions: thrown where they occur, caught only in main() and in the addon's exports.
#pragma once
#include <cerrno>
#include <stdexcept>
#include <string>

namespace chrun {

/// Our own exit statuses; all others are the command's.
enum class Exit : int {
  failure = 31,  // the launcher failed
  command = 49,  // the command could not be started
  usage = 64,    // wrong command line
  server = 84,   // the file-system server ended before the command could start
  feature = 87,  // --feature: not built in
};

/// Something is wrong and the message says what: lower case, no final period, with the value.
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
  /// With a complete message, such as that of another process of ours.
  SysError(const std::string& message, std::string hint, std::string call, int code, Exit exit)
      : Error(message, std::move(hint), exit), call_(std::move(call)), code_(code) {}

  const char* call() const { return call_.c_str(); }
  int code() const { return code_; }
  /// What was refused, if the call alone does not say it ("overlay" for mount); else empty. Hints are chosen by it.
  const std::string& subject() const { return subject_; }

  /// The same failure with a subject, a hint, or another message: call and errno stay.
  SysError about(std::string subject) const;
  SysError hinted(std::string hint) const;
  SysError reworded(const std::string& message, Exit exit) const;

 private:
  std::string call_, subject_;
  int code_;
};

/// Throws `failure` with another message: its hint and exit status, and call and errno if it has them, stay.
[[noreturn]] void throw_reworded(const Error& failure, const std::string& message);

/// A failure of the system call `call` ("mount"): errno is taken immediately. What could not be done is given after
/// that: `throw Refused("mount").cannot("bind " + source)`. Since C++17 what stands before a call's parenthesis is
/// evaluated before its arguments, so building the text can't change errno; as one more argument, errno might be read
/// after it.
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

/// The text of strerror(3) for an errno value, beginning in lower case like our messages.
std::string errno_words(int code);

}  // namespace chrun
