// What the host calls a user or a group, asked without loading the modules of its name service: so the launcher needs
// no dynamic linker, whose search for libraries is most of a small program's start.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/expect_child.h"

namespace chrun {

/// One look-up of an entry of passwd(5) or group(5) by its number. It is read from the file in /etc where the host's
/// nsswitch.conf(5) says that this comes first; else getent(1) is started, and asked while we do other things.
class HostEntry {
 public:
  /// `database` is "passwd" or "group". Throws nothing but for lack of memory.
  HostEntry(const ExpectChild& expect, const char* database, unsigned id);
  ~HostEntry();
  HostEntry(const HostEntry&) = delete;
  HostEntry& operator=(const HostEntry&) = delete;

  /// The entry's fields, as many as its database has; none where the host knows no such number, or its name service
  /// is broken. Waits for getent(1).
  const std::vector<std::string>& fields();

 private:
  void ask(const char* database, unsigned id);

  size_t count_;  // of fields
  unsigned id_;
  std::vector<std::string> fields_;
  Fd answer_;         // of getent
  pid_t asked_ = -1;  // getent's
};

}  // namespace chrun
