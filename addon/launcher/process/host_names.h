// What the host calls a user and a group, asked without loading the modules of its name service: so the launcher can be
// a static program, without the dynamic linker, which is half of a small program's start.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/expect_child.h"
#include "base/fd.h"

namespace chrun {

/// Empty where the host knows none, or its name service is broken.
struct Names {
  std::string user, comment, group;
};

/// One look-up of names by number. They are read from the files in /etc where the host's nsswitch.conf(5) says that
/// these come first; for those that are not found there, the program ch-run-ts-names is started, to be heard later.
class HostNames {
 public:
  /// Looks up what has a value. Throws nothing but for lack of memory.
  HostNames(std::optional<uid_t> uid, std::optional<gid_t> gid);
  /// Waits until the program is gone: the command must not have a child that it did not start.
  ~HostNames();
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;

  /// Waits for the answer, if any is to come.
  const Names& get();

 private:
  void ask(std::optional<uid_t> uid, std::optional<gid_t> gid);
  void hear();

  Names names_;
  std::optional<ExpectChild> expect_;  // while the program runs
  pid_t program_ = -1;
  Fd answer_;  // until it is heard
};

}  // namespace chrun
