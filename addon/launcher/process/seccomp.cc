#include "launcher/process/seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/error.h"

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

namespace chrun {
namespace {

unsigned digit(char letter) {
  constexpr std::string_view digits = "0123456789abcdef";
  const size_t value = digits.find(letter);
  if (value == std::string_view::npos) throw Error("the filter in the plan is not hexadecimal");
  return static_cast<unsigned>(value);
}

std::vector<sock_filter> to_program(std::string_view hexadecimal) {
  constexpr size_t size = sizeof(sock_filter);
  const size_t count = hexadecimal.size() / (2 * size);
  if (count == 0 || count > BPF_MAXINSNS || hexadecimal.size() % (2 * size) != 0) {
    throw Error("the filter in the plan has a wrong length: " + std::to_string(hexadecimal.size()));
  }
  std::string bytes;
  for (size_t i = 0; i < hexadecimal.size(); i += 2) {
    bytes += static_cast<char>(digit(hexadecimal[i]) << 4 | digit(hexadecimal[i + 1]));
  }
  std::vector<sock_filter> program(count);
  memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

}  // namespace

bool try_install_filter(std::vector<sock_filter>& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  const auto install = [&](unsigned long flags) {
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) == 0;
  };
  // else kernels before 5.16 turn on mitigations of speculative execution, which slow the whole command down: our
  // filters keep no program from reading what it may not. Kernels before 4.17 do not know the flag.
  return install(SECCOMP_FILTER_FLAG_SPEC_ALLOW) || (errno == EINVAL && install(0));
}

void install_filter(std::string_view hexadecimal) {
  std::vector<sock_filter> program = to_program(hexadecimal);
  if (!try_install_filter(program)) throw Refused("seccomp").cannot("install the filter of --seccomp");
}

}  // namespace chrun
