// How our processes report errors to each other: one record (records.h),
//   error MESSAGE HINT                          or, of a system call that failed:
//   error MESSAGE HINT CALL ERRNO SUBJECT
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace chrun {

/// `failure` as a record, with `hint`.
std::string error_record(const Error& failure, const std::string& message, const std::string& hint);

/// Throws the error in a record. `source` names the record in errors about a malformed one.
[[noreturn]] void throw_error_record(std::string_view record, const std::string& source, Exit exit);

}  // namespace chrun
