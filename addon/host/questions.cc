#include "host/questions.h"

#include "base/error.h"
#include "host/file_questions.h"
#include "host/process_questions.h"

namespace chrun {
namespace {

constexpr Question kQuestions[] = {
    {"status", 2, status_of},
    {"content", 1, file_content},
    {"guest-file", 2, guest_file},
    {"part", 3, file_part},
    {"entries", 1, directory_entries},
    {"matches", 1, glob_matches},
    {"create", 2, create_file},
    {"working-directory", 0, working_directory},
    {"file-system", 1, file_system_type},
    {"variable", 1, variable},
    {"variables", 1, variables},
    {"identity", 0, identity},
    {"login-name", 0, login_name},
    {"write", 2, write_out},
    {"terminal", 1, is_terminal},
    {"run", 2, run_program},
    {"run-beside", 1, run_beside},
    {"filter", 0, filter},
    {"rules", 2, rules},
    {"control-groups", 0, control_groups},
    {"architecture", 0, architecture},
    {"features", 0, features},
    {"version", 0, version},
    {"libraries", 0, libraries},
};

Door opened;

}  // namespace

void open_door(Door door) { opened = std::move(door); }

const Door& door() { return opened; }

Words answer(std::string_view question, const Words& arguments) {
  for (const std::span<const Question> all : {std::span<const Question>(kQuestions), opened.more})
    for (const Question& known : all)
      if (known.name == question && arguments.size() >= known.arguments) return known.answer(arguments);
  throw Error("there is no question " + std::string(question) + " of " + std::to_string(arguments.size()) + " words");
}

}  // namespace chrun
