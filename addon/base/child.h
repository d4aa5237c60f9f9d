// Programs that are started beside the command.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace chrun {

/// What becomes a program's standard streams; -1: /dev/null. Descriptors from 3 on, or those of the stream itself.
struct ChildStreams {
  int input = -1, output = -1, errors = -1;
};

/// The strings of an argument list or an environment, as execve(2) takes them: valid while `words` is.
std::vector<char*> pointers_to(const std::vector<std::string>& words);

/// A program that was started; what is left of it is killed and waited for with this object. Where SIGCHLD may be
/// ignored, an ExpectChild must be there while it runs.
class Child {
 public:
  /// `program`: its path, or a name to look for along PATH. Throws SysError, of execve(2), where it can't be started.
  Child(const std::string& program, const std::vector<std::string>& arguments, char* const* environment,
        const ChildStreams& streams);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;

  /// Waits at most `milliseconds` for its end. True also where the kernel can't tell (before Linux 5.3).
  bool ends_within(int milliseconds) const;
  void kill() const;
  /// Its status, as waitpid(2) has it. Throws SysError.
  int wait();

 private:
  std::string program_;
  pid_t pid_ = -1;
};

}  // namespace chrun
