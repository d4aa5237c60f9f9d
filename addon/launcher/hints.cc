#include "launcher/hints.h"

#include <sys/statfs.h>

#include <cstring>

#include "launcher/own_path.h"
#include "launcher/restrictions.h"

namespace chrun {
namespace {

Advice sysctl_advice(const std::string& cause, const std::string& setting) {
  return {cause, "", "run: sysctl -w " + setting + " (and put it into /etc/sysctl.d/90-ch-run-ts.conf, to last)",
          setting + "\n"};
}

/// Both our programs make user namespaces: the launcher in bin/, the file-system server in build/Release/.
std::string own_programs() {
  const std::string program = own_path();
  for (const char* directory : {"/bin/ch-run-ts", "/build/Release/ch-run-ts"}) {
    const size_t at = program.rfind(directory);
    if (at != std::string::npos) return program.substr(0, at) + "/{bin/ch-run-ts,build/Release/ch-run-ts-squashfs}";
  }
  return program;
}

/// apparmor.d(5): a profile that confines nothing, and is there to carry the one permission.
Advice apparmor_advice() {
  const std::string program = own_path();
  return {
      "AppArmor restricts unprivileged user namespaces here (kernel.apparmor_restrict_unprivileged_userns=1), and has "
      "no profile that allows them to this program",
      "",
      "add a profile with the 'userns' rule (ch-run-ts --doctor prints it) as /etc/apparmor.d/ch-run-ts, and run: "
      "apparmor_parser -r /etc/apparmor.d/ch-run-ts; or for all programs: "
      "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
      "abi <abi/4.0>,\ninclude <tunables/global>\n\nprofile ch-run-ts \"" + own_programs() +
          "\" flags=(unconfined) {\n  userns,\n  include if exists <local/ch-run-ts>\n}\n"};
}

Advice filter_advice() {
  return {
      "a seccomp filter, as outer containers and some batch systems have it, forbids user namespaces or mounts to this "
      "process",
      "start the outer container with a filter that allows unshare and mount "
      "(Docker, Podman: --security-opt seccomp=unconfined)",
      "", ""};
}

/// Why a user namespace was refused: many reasons look alike from errno. Those that suffice alone come first.
Advice user_namespace_advice() {
  if (!restrictions::is_privileged()) {
    if (restrictions::sysctl("kernel/unprivileged_userns_clone", 1) == 0) {
      return sysctl_advice("this machine forbids unprivileged user namespaces (kernel.unprivileged_userns_clone=0)",
                           "kernel.unprivileged_userns_clone=1");
    }
    if (restrictions::apparmor_restricts()) return apparmor_advice();
  }
  if (!restrictions::ids_are_mapped()) {
    return {
        "your user or group id has no name in the user namespace that you are in, so it can make no user namespaces",
        "start in an outer container that maps your ids", "", ""};
  }
  if (restrictions::is_chrooted()) {
    return {"this process is in a chroot, where the kernel makes no user namespaces", "start outside of the chroot", "",
            ""};
  }
  if (restrictions::has_filter()) return filter_advice();
  return {
      "a security module of the kernel (SELinux, AppArmor, another) or a chroot forbids user namespaces to this "
      "process",
      "", "look for denials in the kernel's log: journalctl -k --grep 'denied|avc'", ""};
}

/// In a user namespace of our own we may mount; something else refuses.
Advice mount_advice() {
  if (restrictions::apparmor_restricts()) return apparmor_advice();
  if (restrictions::has_filter()) return filter_advice();
  const std::string profile = restrictions::apparmor_profile();
  if (!profile.empty() && profile.rfind("unconfined", 0) != 0) {
    return {
        "the AppArmor profile '" + profile + "', as outer containers have it, forbids mounts, even in user namespaces",
        "start the outer container without it (Docker, Podman: --security-opt apparmor=unconfined)", "", ""};
  }
  return {
      "the kernel refuses mounts in user namespaces here: a security module, or mounts that an outer container has "
      "locked",
      "", "look for denials in the kernel's log: journalctl -k --grep 'denied|avc'", ""};
}

Advice limit_advice() {
  if (restrictions::sysctl("user/max_user_namespaces", 1) == 0) {
    return sysctl_advice("user namespaces are switched off here (user.max_user_namespaces=0)",
                         "user.max_user_namespaces=65536");
  }
  if (restrictions::sysctl("user/max_mnt_namespaces", 1) == 0) {
    return sysctl_advice("mount namespaces are switched off here (user.max_mnt_namespaces=0)",
                         "user.max_mnt_namespaces=65536");
  }
  return {"no disk is full: the limit on namespaces is reached (user.max_user_namespaces=" +
              std::to_string(restrictions::sysctl("user/max_user_namespaces", 0)) +
              ", user.max_mnt_namespaces=" + std::to_string(restrictions::sysctl("user/max_mnt_namespaces", 0)) +
              ", those of outer containers, or 32 levels of nesting)",
          "end containers that you don't need",
          "run: sysctl -w user.max_user_namespaces=65536 user.max_mnt_namespaces=65536", ""};
}

Advice no_such_namespaces_advice() {
  return {"the kernel was built without user namespaces (CONFIG_USER_NS), or has them switched off at boot", "",
          "boot another kernel (RHEL 7: with user_namespace.enable=1 on its command line)", ""};
}

/// Newer filters answer like an old kernel; /proc tells them apart.
Advice no_such_call_advice() {
  if (restrictions::has_filter() && restrictions::kernel_has_user_namespaces()) return filter_advice();
  return {"the kernel was built without namespaces", "", "boot another kernel", ""};
}

Advice pivot_advice() {
  struct statfs root;
  constexpr long kRamfsMagic = 0x858458f6, kTmpfsMagic = 0x01021994;
  if (statfs("/", &root) != 0 || (root.f_type != kRamfsMagic && root.f_type != kTmpfsMagic)) return {};
  return {"the root of this machine lies in memory (initramfs), which the kernel can't pivot away from", "",
          "boot with a root file system that was mounted over it", ""};
}

Advice no_fuse_advice() {
  return {"there is no FUSE device at /dev/fuse, without which SquashFS images can't be mounted",
          "unpack the image to a directory (unsquashfs); in an outer container, start that with --device /dev/fuse",
          "run: modprobe fuse", ""};
}

Advice fuse_refused_advice() {
  return {"the device /dev/fuse is not open to you, without which SquashFS images can't be mounted",
          "unpack the image to a directory (unsquashfs); in an outer container, start that with --device /dev/fuse",
          "run: chmod 666 /dev/fuse (as udev has it by default); outer containers need it in their list of devices",
          ""};
}

Advice overlay_advice() {
  return {"the kernel has no overlays for unprivileged users: they need Linux 5.11 or later with CONFIG_OVERLAY_FS",
          "use --write on a copy of the image in place of --write-fake and --overlay", "run: modprobe overlay", ""};
}

Advice no_proc_advice() {
  return {"/proc is mounted read-only, as outer containers have it, so that ids can't be mapped",
          "start the outer container with a writable /proc", "", ""};
}

Advice no_shared_memory_advice() {
  return {"/dev/shm is missing, or you can't write there", "in an outer container, start that with a tmpfs at /dev/shm",
          "run: mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm", ""};
}

Advice file_size_advice() { return {"the limit on the size of files (ulimit -f) is too small", "", "", ""}; }

struct Rule {
  const char* call;
  int code;
  Advice (*advice)();
  /// What the message must be about, where the call alone is too common.
  const char* about = "";
};

constexpr Rule kRules[] = {
    {"unshare", EPERM, user_namespace_advice},
    {"unshare", EACCES, user_namespace_advice},
    {"unshare", ENOSPC, limit_advice},
    {"unshare", EUSERS, limit_advice},
    {"unshare", EINVAL, no_such_namespaces_advice},
    {"unshare", ENOSYS, no_such_call_advice},
    {"write id map", EPERM, user_namespace_advice},
    {"write id map", EACCES, user_namespace_advice},
    {"open", EROFS, no_proc_advice, "/proc/self/"},
    {"mount", ENODEV, overlay_advice, "overlay"},
    {"mount", EINVAL, overlay_advice, "overlay"},
    {"mount", EPERM, mount_advice},
    {"mount", EACCES, mount_advice},
    {"mount", ENOSYS, no_such_call_advice},
    {"pivot_root", EPERM, mount_advice},
    {"pivot_root", EACCES, mount_advice},
    {"pivot_root", EINVAL, pivot_advice},
    {"open", ENOENT, no_fuse_advice, "/dev/fuse"},
    {"open", ENXIO, no_fuse_advice, "/dev/fuse"},
    {"open", ENODEV, no_fuse_advice, "/dev/fuse"},
    {"open", EACCES, fuse_refused_advice, "/dev/fuse"},
    {"open", EPERM, fuse_refused_advice, "/dev/fuse"},
    {"fsopen", EPERM, mount_advice},
    {"fsconfig", EPERM, mount_advice},
    {"fsconfig", EINVAL, no_fuse_advice, "FUSE"},
    {"mount", EINVAL, no_fuse_advice, "FUSE"},
    {"mount", ENODEV, no_fuse_advice, "FUSE"},
    {"shm_open", ENOENT, no_shared_memory_advice},
    {"shm_open", EACCES, no_shared_memory_advice},
    {"shm_open", EROFS, no_shared_memory_advice},
    {"sem_open", ENOENT, no_shared_memory_advice},
    {"sem_open", EACCES, no_shared_memory_advice},
    {"sem_open", EROFS, no_shared_memory_advice},
    {"write", EFBIG, file_size_advice},
};

}  // namespace

Advice advice_for(const SysError& refusal) {
  for (const Rule& rule : kRules) {
    if (rule.code == refusal.code() && strcmp(rule.call, refusal.call()) == 0 &&
        strstr(refusal.what(), rule.about) != nullptr)
      return rule.advice();
  }
  return {};
}

std::string hint_for(const Error& failure) {
  if (!failure.hint().empty()) return failure.hint();
  const auto* refusal = dynamic_cast<const SysError*>(&failure);
  if (refusal == nullptr) return {};
  const Advice advice = advice_for(*refusal);
  std::string hint = advice.cause;
  if (!advice.user.empty()) hint += "; " + advice.user;
  if (!advice.administrator.empty()) hint += "; the administrator can " + advice.administrator;
  return hint;
}

}  // namespace chrun
