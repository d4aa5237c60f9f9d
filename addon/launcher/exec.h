// Becoming the user's command.
#pragma once
#include <sys/types.h>

#include <string_view>
#include <vector>

namespace chrun {

/// Which file it is.
struct ProgramFile {
  dev_t device = 0;
  ino_t inode = 0;
};

/// That of this process. Throws SysError.
ProgramFile own_program_file();

/// Replaces this process by `command` (NULL-terminated, not empty), looked up on `path` as execvp(3) does.
/// `own` is what the container must not start: our program file outside. Returns never; throws Error with Exit::command
/// and a hint that tells why it could not be started.
[[noreturn]] void become_command(const std::vector<char*>& command, const std::vector<char*>& environment,
                                 std::string_view path, const ProgramFile& own);

}  // namespace chrun
