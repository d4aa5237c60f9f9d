#include "squashfs/server/sandbox.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <vector>

#include "base/error.h"
#include "base/system_calls.h"

namespace chrun::squashfs {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kMachine = AUDIT_ARCH_AARCH64;
#elif defined(__powerpc64__)
constexpr uint32_t kMachine = AUDIT_ARCH_PPC64LE;
#elif defined(__riscv)
constexpr uint32_t kMachine = AUDIT_ARCH_RISCV64;
#else
constexpr uint32_t kMachine = 0;  // no filter there
#endif

// Written as a list and not with libseccomp: the whole program is these lines, and the server starts with every
// first launch, where loading that library and building the same filter would be a tenth of the time.
constexpr long kCommon[] = {
    SYS_read,
    SYS_write,
    SYS_writev,
    SYS_pread64,
    SYS_futex,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_clock_gettime,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_restart_syscall,
    SYS_sched_yield,
    SYS_exit,
    SYS_exit_group,
    // abort(3): an error of ours should die as such
    SYS_getpid,
    SYS_gettid,
    SYS_tgkill,
    SYS_rt_sigaction,
};
constexpr long kThreads[] = {
    SYS_set_robust_list,
#ifdef SYS_rseq
    SYS_rseq,
#endif
};
constexpr long kDoor[] = {
    SYS_accept4,     SYS_recvmsg,    SYS_sendmsg, SYS_getsockopt,  SYS_close,    SYS_epoll_ctl,
    SYS_epoll_pwait, SYS_ppoll,      SYS_geteuid, SYS_getsockname, SYS_unlinkat,
#ifdef SYS_poll  // younger architectures have only the variants above
    SYS_poll,        SYS_epoll_wait,
#endif
};
constexpr long kMounter[] = {
    SYS_recvmsg, SYS_sendmsg, SYS_close, SYS_ppoll, kOpenTree, kOpenat2, SYS_renameat2, SYS_unlinkat,
#ifdef SYS_poll
    SYS_poll,
#endif
};

/// Threads, which are in the same sandbox. Nothing else can be made by clone(2); of clone3(2), whose flags are in
/// memory, libc does without.
void append_threads(std::vector<sock_filter>& program) {
  constexpr uint32_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                               CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  constexpr uint32_t kDetached = 0x00400000;  // without meaning since Linux 2.6, but musl sets it
  constexpr uint32_t kFlags = offsetof(seccomp_data, args[0]);
  const sock_filter filter[] = {
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kClone3, 0, 1),   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 5), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFlags),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~kDetached),      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kThread, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  program.insert(program.end(), std::begin(filter), std::end(filter));
}

void append_allowed(std::vector<sock_filter>& program, const long* calls, size_t count) {
  for (size_t each = 0; each < count; ++each) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(calls[each]), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
}

std::vector<sock_filter> make_filter(Role role) {
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kMachine, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  // libc sometimes looks into /proc and /sys (how many cores, how memory is accounted) and does well without an answer
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES));
  append_allowed(program, kCommon, std::size(kCommon));
  if (role == Role::worker) {
    append_allowed(program, kThreads, std::size(kThreads));
    append_threads(program);
  }
  if (role == Role::doorkeeper) append_allowed(program, kDoor, std::size(kDoor));
  if (role == Role::mounter) append_allowed(program, kMounter, std::size(kMounter));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  return program;
}

void set_capabilities(uint32_t mask) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct data[2] = {{mask, mask, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, data) < 0) throw Refused("capset").cannot("drop capabilities");
}

}  // namespace

void enter_sandbox(Role role) {
  set_capabilities(role == Role::mounter ? 1u << CAP_SYS_ADMIN : 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) throw Refused("prctl").cannot("set no_new_privs");
  if (kMachine == 0) return;
  auto filter = make_filter(role);
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 && errno != EINVAL && errno != ENOSYS) {
    throw Refused("prctl").cannot("restrict system calls");
  }
}

}  // namespace chrun::squashfs
