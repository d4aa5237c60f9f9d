// What to do about a refusal: the kernel's errno values can mislead, so one table (hint_table.cc) turns them into
// advice. Failed launches print it as a hint, `--doctor` prints it in full: the text exists only once.
#pragma once
#include <string>

#include "base/error.h"

namespace chrun {

/// Why a call was refused, and how to fix it. Parts that are unknown or impossible are empty.
struct Advice {
  std::string cause;
  /// What the user can do.
  std::string user;
  /// What the administrator can do: one line.
  std::string administrator;
  /// The content of a file that the administrator's line mentions.
  std::string file;
};

/// The table's advice for this failure, from what this process can see of the machine.
Advice advice_for(const SysError& failure);

/// The advice for this failure in one line, or an empty string: its own hint if it has one, else that of the table.
std::string hint_for(const Error& failure);

/// The whole table, with its texts as they are before values are filled in, for docs/troubleshooting.md: a record of
/// base/records for each reason of each refusal,
/// reason TITLE CALL ERRNO ABOUT CAUSE USER ADMINISTRATOR FILE
std::string list_hints();

}  // namespace chrun
