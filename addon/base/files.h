// Whole-file reading and writing, and files that live in memory only.
#pragma once
#include <csignal>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace chrun {

/// While it exists, a signal that the kernel sends along with an error of write(2) does not kill the process: SIGXFSZ,
/// SIGPIPE.
class IgnoreSignal {
 public:
  explicit IgnoreSignal(int number) : number_(number), before_(signal(number, SIG_IGN)) {}
  ~IgnoreSignal() { signal(number_, before_); }
  IgnoreSignal(const IgnoreSignal&) = delete;
  IgnoreSignal& operator=(const IgnoreSignal&) = delete;

 private:
  int number_;
  void (*before_)(int);
};

/// Reads all of `fd`, at most `limit` bytes. Throws SysError, or Error when there is more.
std::string read_all(int fd, const std::string& name, size_t limit);

/// Writes all of `bytes`. Throws SysError, also if a limit on file sizes (ulimit -f) would kill the process.
void write_all(int fd, std::string_view bytes, const std::string& name);

/// A file in memory (memfd) that holds `bytes`, readable and writable by this user only, offset 0.
/// It is inherited over exec when `inherited`.
Fd memory_file(const char* name, std::string_view bytes, bool inherited);

/// Makes a directory, and those above it, if they are missing. Throws SysError.
void make_directories(const std::string& path, unsigned mode);

/// Descriptors 0 to 2 belong to the command, even if it is started without them. Throws SysError.
Fd above_standard(Fd file);

}  // namespace chrun
