#include "launcher/hints.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <cstring>

#include "base/fd.h"

namespace chrun {
namespace {

/// The number in a file of /proc/sys, or `fallback` where there is no such file.
long sysctl_number(const char* path, long fallback) {
  Fd file(open(path, O_RDONLY | O_CLOEXEC));
  char text[32] = {};
  if (!file || read(file.get(), text, sizeof text - 1) <= 0) return fallback;
  return strtol(text, nullptr, 10);
}

/// Why a user namespace was refused: three switches look alike from errno.
std::string user_namespace_hint() {
  if (sysctl_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0) {
    return "this machine forbids unprivileged user namespaces; the administrator can run: "
           "sysctl kernel.unprivileged_userns_clone=1";
  }
  if (sysctl_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) != 0) {
    return "AppArmor restricts unprivileged user namespaces here; the administrator can add a profile with the "
           "'userns' rule for this program, or run: sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  }
  return "the kernel or an outer container (its seccomp filter) forbids user namespaces to this process; "
         "inside Docker or Podman, the outer container needs a seccomp profile that allows unshare";
}

std::string namespace_limit_hint() {
  if (sysctl_number("/proc/sys/user/max_user_namespaces", 1) == 0) {
    return "user namespaces are switched off here; the administrator can run: sysctl user.max_user_namespaces=65536";
  }
  if (sysctl_number("/proc/sys/user/max_mnt_namespaces", 1) == 0) {
    return "mount namespaces are switched off here; the administrator can run: sysctl user.max_mnt_namespaces=65536";
  }
  return "no disk is full: the limit on namespaces is reached (user.max_user_namespaces, user.max_mnt_namespaces, "
         "or 32 levels of nesting)";
}

std::string pivot_hint() {
  struct statfs root;
  constexpr long kRamfsMagic = 0x858458f6, kTmpfsMagic = 0x01021994;
  if (statfs("/", &root) == 0 && (root.f_type == kRamfsMagic || root.f_type == kTmpfsMagic)) {
    return "the root of this machine lies in memory (initramfs), which the kernel can't pivot away from; "
           "boot with a root file system that was mounted over it";
  }
  return {};
}

struct Rule {
  const char* call;
  int code;
  std::string (*hint)();
};

constexpr Rule kRules[] = {
    {"unshare", EPERM, user_namespace_hint},
    {"unshare", EACCES, user_namespace_hint},
    {"unshare", ENOSPC, namespace_limit_hint},
    {"unshare", EUSERS, namespace_limit_hint},
    {"unshare", EINVAL, [] { return std::string("the kernel was built without user namespaces (CONFIG_USER_NS)"); }},
    {"unshare", ENOSYS, [] { return std::string("the kernel was built without namespaces"); }},
    {"write id map", EPERM, user_namespace_hint},
    {"mount", EPERM, user_namespace_hint},
    {"pivot_root", EINVAL, pivot_hint},
    {"write", EFBIG, [] { return std::string("the limit on the size of files (ulimit -f) is too small"); }},
};

}  // namespace

std::string hint_for(const Error& failure) {
  if (!failure.hint().empty()) return failure.hint();
  const auto* refusal = dynamic_cast<const SysError*>(&failure);
  if (refusal == nullptr) return {};
  for (const Rule& rule : kRules) {
    if (rule.code == refusal->code() && strcmp(rule.call, refusal->call()) == 0) return rule.hint();
  }
  return {};
}

}  // namespace chrun
