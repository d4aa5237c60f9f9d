// What the host calls a user and a group, asked without loading the modules of its name service: so the launcher can be
// a static program, without the dynamic linker, which is half of a small program's start.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/child.h"
#include "base/expect_child.h"
#include "base/fd.h"

namespace chrun {

/// Empty where the host knows none, or its name service is broken.
struct Names {
  std::string user, comment, group;
};

/// One look-up of names by number. They are read from the files in /etc where the host's nsswitch.conf(5) says that
/// these come first; for those that are not found there, getent(1) is started, to be heard later.
class HostNames {
 public:
  /// Looks up what has a value. Throws nothing but for lack of memory.
  HostNames(std::optional<uid_t> uid, std::optional<gid_t> gid);
  /// Waits until no getent(1) is left: the command must not have a child that it did not start.
  ~HostNames();
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;

  /// Waits for the answer, if any is to come.
  const Names& get();

 private:
  /// One getent(1), that looks up one name.
  struct LookUp {
    unsigned id = 0;
    std::optional<Child> program;
    Fd answer;  // until it is heard
  };

  void start(LookUp& look_up, const char* database, unsigned id);
  void hear();

  Names names_;
  std::optional<ExpectChild> expect_;  // while a program runs
  LookUp user_, group_;
};

}  // namespace chrun
