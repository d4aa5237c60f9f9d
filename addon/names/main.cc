// ch-run-ts-names DESCRIPTOR UID GID: asks the host's name service, whose modules a static program can't load. `-` for
// an id asks nothing. Writes name and comment of the user, and the group's name, each followed by a NUL byte and
// empty where the host knows none.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

FILE* answer;

/// Null where there is no entry; some modules leave what they do not know null, too.
void tell(const char* word) {
  if (word != nullptr) fputs(word, answer);
  fputc('\0', answer);
}

/// Modules may print what they like: not among the command's output.
void silence() {
  const int null = open("/dev/null", O_RDWR);
  for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++) {
    if (standard != fileno(answer)) dup2(null, standard);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || (answer = fdopen(atoi(argv[1]), "w")) == nullptr) return 64;
  silence();
  const bool asks_user = strcmp(argv[2], "-") != 0, asks_group = strcmp(argv[3], "-") != 0;
  const struct passwd* user = asks_user ? getpwuid(static_cast<uid_t>(strtoul(argv[2], nullptr, 10))) : nullptr;
  tell(user ? user->pw_name : nullptr);
  tell(user ? user->pw_gecos : nullptr);
  const struct group* group = asks_group ? getgrgid(static_cast<gid_t>(strtoul(argv[3], nullptr, 10))) : nullptr;
  tell(group ? group->gr_name : nullptr);
  return fclose(answer) == 0 ? 0 : 1;
}
