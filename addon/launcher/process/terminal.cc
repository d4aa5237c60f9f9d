#include "launcher/process/terminal.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "launcher/log/log.h"
#include "launcher/process/seccomp.h"

namespace chrun {
namespace {

/// One kind of system calls that programs on this machine can make, and the numbers of ioctl(2) in it.
struct Abi {
  unsigned architecture;
  unsigned mask;  // of the bits that tell one call from another
  std::vector<unsigned> numbers;
};

constexpr unsigned kAllBits = ~0U;

const std::vector<Abi>& abis() {
  static const std::vector<Abi> kinds {
#if defined(__x86_64__)
    // x32 has a bit of its own and 514; kernels before 5.4 take either number with and without the bit
    {AUDIT_ARCH_X86_64, ~0x40000000U, {16, 514}}, {AUDIT_ARCH_I386, kAllBits, {54}},
#elif defined(__aarch64__)
    {AUDIT_ARCH_AARCH64, kAllBits, {29}}, {AUDIT_ARCH_ARM, kAllBits, {54}},
#elif defined(__powerpc64__)
    {AUDIT_ARCH_PPC64LE, kAllBits, {54}}, {AUDIT_ARCH_PPC64, kAllBits, {54}}, {AUDIT_ARCH_PPC, kAllBits, {54}},
#elif defined(__riscv)
    {AUDIT_ARCH_RISCV64, kAllBits, {29}}, {AUDIT_ARCH_RISCV32, kAllBits, {29}},
#elif defined(__s390x__)
    {AUDIT_ARCH_S390X, kAllBits, {54}}, {AUDIT_ARCH_S390, kAllBits, {54}},
#else
#error "which numbers has ioctl(2) here?"
#endif
  };
  return kinds;
}

constexpr unsigned kCall = offsetof(seccomp_data, nr), kArchitecture = offsetof(seccomp_data, arch);
/// The kernel's command is an unsigned int: what the upper half of the register holds changes nothing.
constexpr unsigned kCommand = offsetof(seccomp_data, args) + sizeof(__u64) + (BYTE_ORDER == BIG_ENDIAN ? 4 : 0);

sock_filter load(unsigned offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter answer(unsigned action) { return BPF_STMT(BPF_RET | BPF_K, action); }
sock_filter if_equal(unsigned value, size_t yes, size_t no) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, static_cast<unsigned char>(yes), static_cast<unsigned char>(no));
}

std::vector<sock_filter> make_program() {
  std::vector<sock_filter> look_at_command{load(kCommand), if_equal(TIOCSTI, 1, 0), if_equal(TIOCLINUX, 0, 1),
                                           answer(SECCOMP_RET_ERRNO | EPERM), answer(SECCOMP_RET_ALLOW)};
  std::vector<sock_filter> program;
  for (const Abi& abi : abis()) {
    const size_t count = abi.numbers.size(), size = look_at_command.size();
    program.insert(program.end(), {load(kArchitecture), if_equal(abi.architecture, 0, 2 + count + 1 + size),
                                   load(kCall), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, abi.mask)});
    for (size_t i = 0; i < count; i++) program.push_back(if_equal(abi.numbers[i], count - i, 0));
    program.push_back(answer(SECCOMP_RET_ALLOW));
    program.insert(program.end(), look_at_command.begin(), look_at_command.end());
  }
  program.push_back(answer(SECCOMP_RET_ALLOW));
  return program;
}

/// Linux 6.2 and later can refuse TIOCSTI, but not TIOCLINUX, which is for virtual consoles only.
bool kernel_refuses(int terminal) {
  constexpr unsigned kVirtualConsole = 4;  // Documentation/admin-guide/devices.txt
  unsigned device = 0;
  if (ioctl(terminal, TIOCGDEV, &device) != 0 || major(device) == kVirtualConsole) return false;
  const Fd setting(open("/proc/sys/dev/tty/legacy_tiocsti", O_RDONLY | O_CLOEXEC));
  char digit = '1';
  return setting && read(setting.get(), &digit, 1) == 1 && digit == '0';
}

}  // namespace

bool is_terminal_open_to_typing() {
  const Fd terminal(open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!terminal) return errno != ENXIO;  // ENXIO means that there is none; if unsure, assume there is
  return !kernel_refuses(terminal.get());
}

void forbid_typing() {
  std::vector<sock_filter> program = make_program();
  if (try_install_filter(program)) return;
  const Refused refused("seccomp");
  log::warning("processes in the container can insert input into your terminal (TIOCSTI): " + refused.words());
}

}  // namespace chrun
