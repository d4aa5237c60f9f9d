#include "launcher/files/reads_place.h"

#include <cstring>
#include <string>

#include "base/hash.h"
#include "launcher/files/memo_directory.h"

namespace chrun {
namespace {

const char* script_of(std::span<char* const> command) {
  for (const char* argument : command.subspan(1)) {
    if (argument == nullptr || strcmp(argument, "-c") == 0 || strcmp(argument, "-e") == 0) break;
    if (*argument == '-') continue;
    return strpbrk(argument, " \n") == nullptr ? argument : "";
  }
  return "";
}

}  // namespace

squashfs::ReadsPlace reads_place(std::span<char* const> command) {
  if (command.empty() || command.front() == nullptr) return {};
  std::string why;
  Fd directory = open_memo_directory(true, why);
  const std::string program = command.front();
  return {std::move(directory), hash(program + '\0' + script_of(command))};
}

}  // namespace chrun
