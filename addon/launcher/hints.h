// What to do about a refusal: the kernel's errno values mislead, so one table turns them into advice. Failed launches
// print it as a hint, `--doctor` prints it in full: the words exist once.
#pragma once
#include <string>

#include "base/error.h"

namespace chrun {

/// Why a call was refused, and what helps. Parts that are unknown, or that nobody can do, are empty.
struct Advice {
  std::string cause;
  /// What the user can do.
  std::string user;
  /// What the administrator can do: one line.
  std::string administrator;
  /// The content of a file that the administrator's line speaks of.
  std::string file;
};

/// The table's advice for this refusal, from what this process can see of the machine.
Advice advice_for(const SysError& refusal);

/// The advice for this failure in one line, or an empty string: its own hint if it has one, else the table's.
std::string hint_for(const Error& failure);

}  // namespace chrun
