// ch-run-ts-names DESCRIPTOR UID GID: asks the host's name service, whose modules a static program can't load. `-` for
// an id asks nothing. Writes what the host knows as records of base/records: user NAME, comment TEXT, group NAME.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "base/records.h"

namespace {

/// Some modules leave what they do not know null.
void tell(std::string& answer, const char* name, const char* text) {
  if (text != nullptr) chrun::append_record(answer, name, {text});
}

/// Modules may print what they like: not among the command's output.
void silence(int answer) {
  const int null = open("/dev/null", O_RDWR);
  for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++) {
    if (standard != answer) dup2(null, standard);
  }
}

std::string ask(const char* uid, const char* gid) {
  std::string answer;
  const bool asks_user = strcmp(uid, "-") != 0, asks_group = strcmp(gid, "-") != 0;
  if (const passwd* user = asks_user ? getpwuid(static_cast<uid_t>(strtoul(uid, nullptr, 10))) : nullptr) {
    tell(answer, "user", user->pw_name);
    tell(answer, "comment", user->pw_gecos);
  }
  if (const struct group* group = asks_group ? getgrgid(static_cast<gid_t>(strtoul(gid, nullptr, 10))) : nullptr)
    tell(answer, "group", group->gr_name);
  return answer;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const int descriptor = atoi(argv[1]);
  silence(descriptor);
  try {
    chrun::write_all(descriptor, ask(argv[2], argv[3]), "the answer");
    return 0;
  } catch (const chrun::Error&) {
    return 1;  // whoever asked has ended
  }
}
