// Becoming the user's command.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace chrun {

/// Replaces this process by `command` (NULL-terminated, not empty), looked up on `path` as execvp(3) does.
/// Never returns; throws Error with Exit::command and a hint that says why it could not be started.
[[noreturn]] void become_command(const std::vector<char*>& command, const std::vector<char*>& environment,
                                 std::string_view path);

/// Throws the same where it can be seen beforehand that there is no such program.
void require_program(const std::string& name, std::string_view path);

}  // namespace chrun
