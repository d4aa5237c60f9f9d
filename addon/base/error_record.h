// How processes of ours tell each other what went wrong: one record (records.h),
//   error MESSAGE HINT                          or, of a system call that failed:
//   error MESSAGE HINT CALL ERRNO SUBJECT
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace chrun {

/// `failure` in these words; `hint` is what helps.
std::string error_record(const Error& failure, const std::string& message, const std::string& hint);

/// Throws what a record says. `source` names it in errors, which are thrown where it says nothing.
[[noreturn]] void throw_error_record(std::string_view record, const std::string& source, Exit exit);

}  // namespace chrun
