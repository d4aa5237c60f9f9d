// Makes the system calls that --seccomp is about, and prints what each returned as JSON: {"call": errno or 0, …}.
// `calls time N`: prints how many nanoseconds a call costs that no filter is about.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

const char* separator = "{";

void print(const char* name, long result) {
  printf("%s\"%s\": %ld", separator, name, result);
  separator = ", ";
}

#define TRY(name, ...) print(#name, syscall(SYS_##name, __VA_ARGS__) == 0 ? 0 : errno)

void native_calls(const char* file) {
  const dev_t device = makedev(1, 3);
#ifdef SYS_chown
  TRY(chown, file, 12, 34);
  TRY(lchown, file, 12, 34);
  TRY(mknod, "made", S_IFCHR | 0666, device);
#endif
  const int descriptor = open(file, O_RDONLY);
  TRY(fchown, descriptor, 12, 34);
  TRY(fchownat, AT_FDCWD, file, 12, 34, 0);
  TRY(setuid, 12);
  TRY(setgid, 12);
  TRY(setreuid, 12, 12);
  TRY(setregid, 12, 12);
  TRY(setresuid, 12, 12, 12);
  TRY(setresgid, 12, 12, 12);
  const gid_t groups[] = {12, 34};
  TRY(setgroups, 2, groups);
  TRY(setfsuid, 12);
  TRY(setfsgid, 12);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};
  TRY(capset, &header, all);
  TRY(kexec_load, 0, 0, nullptr, 0);
  TRY(mknodat, AT_FDCWD, "made", S_IFBLK | 0666, device);
  print("made", access("made", F_OK) == 0 ? 1 : 0);
  print("pipe", syscall(SYS_mknodat, AT_FDCWD, "pipe", S_IFIFO | 0666, 0) == 0 && access("pipe", F_OK) == 0 ? 1 : 0);
}

#ifdef __x86_64__
/// The way of 32-bit programs into the kernel, which a 64-bit one can go too; pointers must be small, so there are
/// none.
long call32(long number, long first, long second, long third) {
  long result;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(third)
               : "memory", "r8", "r9", "r10", "r11");
  return -result;
}

void calls32(const char* file) {
  const int descriptor = open(file, O_RDONLY);
  print("32 fchown", call32(95, descriptor, 12, 34));
  print("32 fchown32", call32(207, descriptor, 12, 34));
  print("32 setuid", call32(23, 12, 0, 0));
  print("32 setuid32", call32(213, 12, 0, 0));
  print("32 setresgid32", call32(210, 12, 12, 12));
  print("32 setgroups32", call32(206, 0, 0, 0));
}
#endif

void print_ids(const char* file) {
  struct stat status;
  if (stat(file, &status) != 0) exit(1);
  uid_t user[3];
  gid_t group[3];
  if (getresuid(&user[0], &user[1], &user[2]) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0) exit(1);
  printf(", \"ids\": [%u, %u, %u, %u, %u, %u, %u, %u]}\n", user[0], user[1], user[2], group[0], group[1], group[2],
         status.st_uid, status.st_gid);
}

double nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "time") == 0) {
    const long count = atol(argv[2]);
    const double begin = nanoseconds();
    for (long i = 0; i < count; i++) syscall(SYS_getppid);
    printf("%.1f\n", (nanoseconds() - begin) / static_cast<double>(count));
    return 0;
  }
  native_calls(argv[1]);
#ifdef __x86_64__
  calls32(argv[1]);
#endif
  print_ids(argv[1]);
}
