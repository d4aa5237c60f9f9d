// What the launcher prints: `ch-run-ts[123]: error: …` on standard error, one line a message.
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace chrun::log {

/// Name for the prefix: the last component of argv[0], so that a link named ch-run reads as ch-run.
void set_program(const char* argv0);
/// -3 (-qqq) … 3 (-vvv), and `auto`, `always` or `never` for colour.
void set_style(int verbosity, std::string_view color);

void error(const Error& failure);
void warning(const std::string& message);
/// Printed from -v on; the time since the start is put in front.
void verbose(int level, const std::string& message);
bool is_verbose(int level);

}  // namespace chrun::log
