// Types a letter into its terminal by each way into the kernel there is, and prints what each returned as JSON:
// {"way": errno or 0, …}. A way that the machine does not have is none of these.
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace {

const char* separator = "{";

void print(const char* way, int code) {
  printf("%s\"%s\": %d", separator, way, code);
  separator = ", ";
}

void type(const char* way, long call, unsigned long command, char* letter) {
  print(way, syscall(call, STDIN_FILENO, command, letter) == 0 ? 0 : errno);
}

#if defined(__x86_64__)
/// As a 32-bit program does it; in a child, because kernels without such calls kill who tries.
void type_as_32_bit(char* letter) {
  const pid_t child = fork();
  if (child == 0) {
    long result;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(54L), "b"(0L), "c"(TIOCSTI), "d"(letter)
                 : "memory", "r8", "r9", "r10", "r11");
    _exit(static_cast<int>(-result));
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) print("32-bit", WEXITSTATUS(status));
}
#endif

}  // namespace

int main() {
  constexpr unsigned long kUpperHalf = 0x500000000UL;
  // where 32-bit programs can point to
  auto* letter = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
                                             | MAP_32BIT
#endif
                                         ,
                                         -1, 0));
  if (letter == MAP_FAILED) return 2;
  *letter = 'x';
  type("plain", SYS_ioctl, TIOCSTI, letter);
  type("upper half", SYS_ioctl, kUpperHalf | TIOCSTI, letter);
  type("console", SYS_ioctl, TIOCLINUX, letter);
#if defined(__x86_64__)
  type("x32", 0x40000000 | 514, TIOCSTI, letter);
  type("x32 by the other number", 0x40000000 | 16, TIOCSTI, letter);
  type("x32 without its bit", 514, TIOCSTI, letter);
  type_as_32_bit(letter);
#endif
  printf("}\n");
  return 0;
}
