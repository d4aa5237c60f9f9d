#include "refusals/hint_table.h"

#include <sys/statfs.h>

#include <cerrno>
#include <string>

#include "refusals/restrictions.h"

namespace chrun {
namespace {

using namespace restrictions;

bool is_left() { return true; }

bool is_clone_forbidden() { return !is_privileged() && sysctl("kernel/unprivileged_userns_clone", 1) == 0; }

bool apparmor_restricts_unprivileged() { return !is_privileged() && apparmor_restricts(); }

bool are_ids_unmapped() { return !ids_are_mapped(); }

bool is_confined() {
  const std::string profile = apparmor_profile();
  return !profile.empty() && profile.rfind("unconfined", 0) != 0;
}

bool are_user_namespaces_off() { return sysctl("user/max_user_namespaces", 1) == 0; }

bool are_mount_namespaces_off() { return sysctl("user/max_mnt_namespaces", 1) == 0; }

bool is_before_user_overlays() { return is_kernel_before(5, 11); }

/// Newer filters answer like an old kernel; /proc tells them apart.
bool filter_plays_old_kernel() { return has_filter() && kernel_has_user_namespaces(); }

bool is_root_in_memory() {
  struct statfs root;
  constexpr long kRamfsMagic = 0x858458f6, kTmpfsMagic = 0x01021994;
  return statfs("/", &root) == 0 && (root.f_type == kRamfsMagic || root.f_type == kTmpfsMagic);
}

constexpr Reason kAppArmor{
    "AppArmor restricts user namespaces", apparmor_restricts,
    "AppArmor restricts unprivileged user namespaces here (kernel.apparmor_restrict_unprivileged_userns=1), and has no "
    "profile that allows them for this program",
    "",
    "add a profile with the 'userns' rule (ch-run-ts --doctor prints it) as /etc/apparmor.d/ch-run-ts, and run: "
    "apparmor_parser -r /etc/apparmor.d/ch-run-ts; or for all programs: "
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    // a profile that confines nothing, and is there to carry the one permission: apparmor.d(5)
    "abi <abi/4.0>,\ninclude <tunables/global>\n\n# programs in the containers have this profile, too, and so may "
    "create "
    "user namespaces\nprofile ch-run-ts \"{programs}\" flags=(unconfined) {\n  userns,\n"
    "  include if exists <local/ch-run-ts>\n}\n"};

constexpr Reason kFilter{
    "A seccomp filter of an outer container", has_filter,
    "a seccomp filter, such as that of an outer container or a batch system, denies user namespaces or mounts to this "
    "process",
    "start the outer container with a filter that allows unshare and mount "
    "(Docker, Podman: --security-opt seccomp=unconfined)",
    ""};

constexpr const char* kLookForDenials = "look for denials in the kernel's log: journalctl -k --grep 'denied|avc'";
constexpr const char* kWithoutFuse =
    "unpack the image to a directory (unsquashfs); in an outer container, start that with --device /dev/fuse";

/// The same reason, detected in another way.
constexpr Reason found_by(Reason reason, bool (*holds)()) { return reason.holds = holds, reason; }

/// Many reasons look alike from errno. Those that suffice alone come first.
constexpr Reason kNoUserNamespace[] = {
    {"User namespaces are for root only", is_clone_forbidden,
     "this machine forbids unprivileged user namespaces (kernel.unprivileged_userns_clone=0)", "",
     "run: sysctl -w kernel.unprivileged_userns_clone=1 (and put it into /etc/sysctl.d/90-ch-run-ts.conf to make it "
     "permanent)",
     "kernel.unprivileged_userns_clone=1\n"},
    found_by(kAppArmor, apparmor_restricts_unprivileged),
    {"Ids that are not mapped in the outer user namespace", are_ids_unmapped,
     "your user or group id is not mapped in the current user namespace, so it can't create another one",
     "start in an outer container that maps your ids", ""},
    {"A chroot", is_chrooted, "this process is in a chroot, where the kernel does not allow user namespaces",
     "start outside of the chroot", ""},
    kFilter,
    {"Another security module", is_left,
     "a security module of the kernel (SELinux, AppArmor or another) or a chroot denies user namespaces to this "
     "process",
     "", kLookForDenials},
};

/// The user namespace exists, so the reasons against creating one are not considered.
constexpr Reason kNoIdMap[] = {
    kAppArmor,
    kFilter,
    {"Id maps are refused", is_left, "a security module of the kernel does not let this process map ids", "",
     kLookForDenials},
};

constexpr Reason kNoRootMap[] = {
    {"Root without CAP_SETFCAP", is_left,
     "this process is root without the capability CAP_SETFCAP, which mapping user 0 needs since Linux 5.12",
     "start as another user, or start the outer container with that capability (Docker, Podman: --cap-add=SETFCAP)",
     ""},
};

/// In a user namespace of our own we may mount; something else refuses.
constexpr Reason kNoMount[] = {
    kAppArmor,
    kFilter,
    {"An AppArmor profile of an outer container", is_confined,
     "the AppArmor profile '{profile}', such as that of an outer container, denies mounts, even in user namespaces",
     "start the outer container without it (Docker, Podman: --security-opt apparmor=unconfined)", ""},
    {"Mounts are refused", is_left,
     "the kernel refuses mounts in user namespaces here, because of a security module or of mounts that an outer "
     "container has locked",
     "", kLookForDenials},
};

constexpr Reason kLimit[] = {
    {"User namespaces are disabled", are_user_namespaces_off,
     "user namespaces are disabled here (user.max_user_namespaces=0)", "",
     "run: sysctl -w user.max_user_namespaces=65536 (and put it into /etc/sysctl.d/90-ch-run-ts.conf to make it "
     "permanent)",
     "user.max_user_namespaces=65536\n"},
    {"Mount namespaces are disabled", are_mount_namespaces_off,
     "mount namespaces are disabled here (user.max_mnt_namespaces=0)", "",
     "run: sysctl -w user.max_mnt_namespaces=65536 (and put it into /etc/sysctl.d/90-ch-run-ts.conf to make it "
     "permanent)",
     "user.max_mnt_namespaces=65536\n"},
    {"Too many namespaces", is_left,
     "no disk is full: the limit on namespaces is reached (user.max_user_namespaces={user.max_user_namespaces}, "
     "user.max_mnt_namespaces={user.max_mnt_namespaces}, those of outer containers, or 32 levels of nesting)",
     "end containers that you don't need",
     "run: sysctl -w user.max_user_namespaces=65536 user.max_mnt_namespaces=65536"},
};

constexpr Reason kNoSuchNamespaces[] = {
    {"A kernel without user namespaces", is_left,
     "the kernel was built without user namespaces (CONFIG_USER_NS), or has them disabled at boot", "",
     "boot another kernel (RHEL 7: with user_namespace.enable=1 on its command line)"},
};

constexpr Reason kNoSuchCall[] = {
    found_by(kFilter, filter_plays_old_kernel),
    {"A kernel without namespaces", is_left, "the kernel was built without namespaces", "", "boot another kernel"},
};

/// Calls that kernels in use lack; the launcher does without most of them.
constexpr Reason kUnknownToFilter[] = {
    {"A filter that does not know new calls", has_filter,
     "a seccomp filter, such as that of an outer container, does not know this system call and makes it fail as on an "
     "older kernel",
     "start the outer container with a newer runtime, or with --security-opt seccomp=unconfined (Docker, Podman)",
     "update the container runtime and libseccomp"},
};

constexpr Reason kNewCall[] = {
    kUnknownToFilter[0],
    {"An old kernel", is_left, "this kernel is older than the system call", "", "boot a newer kernel"},
};

constexpr Reason kNoEntry[] = {
    kFilter,
    {"A container that can't be entered", is_left,
     "the container belongs to another user, or to a user namespace outside of yours",
     "enter it as the same user, and from the same outer container, as it was started", ""},
};

constexpr Reason kNoFilters[] = {
    kFilter,
    {"A kernel without seccomp filters", is_left, "the kernel was built without CONFIG_SECCOMP_FILTER", "",
     "boot another kernel"},
};

constexpr Reason kNoPivot[] = {
    {"A root file system in memory", is_root_in_memory,
     "the root file system of this machine is in memory (initramfs), where pivot_root(2) is not possible", "",
     "boot with a root file system that is mounted over it"},
};

constexpr Reason kNoFuse[] = {
    {"No /dev/fuse", is_left, "there is no FUSE device at /dev/fuse, which is needed to mount SquashFS images",
     kWithoutFuse, "run: modprobe fuse"},
};

constexpr Reason kFuseRefused[] = {
    {"No permission to open /dev/fuse", is_left,
     "you have no permission to open /dev/fuse, which is needed to mount SquashFS images", kWithoutFuse,
     "run: chmod 666 /dev/fuse (the default of udev); outer containers need it in their list of devices"},
};

constexpr const char* kWithoutOverlay = "use --write on a copy of the image instead of --write-fake and --overlay";

constexpr Reason kNoOverlay[] = {
    {"A kernel without overlays", is_left, "the kernel has no overlayfs (CONFIG_OVERLAY_FS)", kWithoutOverlay,
     "run: modprobe overlay"},
};

constexpr Reason kOldOverlay[] = {
    {"No unprivileged overlays", is_before_user_overlays,
     "this is Linux {release}, and overlays for unprivileged users need 5.11 or later", kWithoutOverlay,
     "boot a newer kernel"},
};

constexpr Reason kOverlayRefused[] = {kOldOverlay[0], kNoMount[0], kNoMount[1], kNoMount[2], kNoMount[3]};

constexpr Reason kReadOnlyProc[] = {
    {"A read-only /proc", is_left,
     "/proc is mounted read-only, as in some outer containers, so that ids can't be mapped",
     "start the outer container with a writable /proc", ""},
};

constexpr Reason kNoSharedMemory[] = {
    {"No /dev/shm", is_left, "/dev/shm is missing, or you can't write to it",
     "in an outer container, start that with a tmpfs at /dev/shm",
     "run: mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm"},
};

constexpr Reason kFileSize[] = {
    {"A limit on file size", is_left, "the file size limit (ulimit -f) is too low",
     "raise it, or start where it is higher: ulimit -f unlimited", ""},
};

constexpr Refusal kRefusals[] = {
    {"unshare", EPERM, kNoUserNamespace},
    {"unshare", EACCES, kNoUserNamespace},
    {"unshare", ENOSPC, kLimit},
    {"unshare", EUSERS, kLimit},
    {"unshare", EINVAL, kNoSuchNamespaces},
    {"unshare", ENOSYS, kNoSuchCall},
    {"write id map without CAP_SETFCAP", EPERM, kNoRootMap},
    {"write id map", EPERM, kNoIdMap},
    {"write id map", EACCES, kNoIdMap},
    {"open", EROFS, kReadOnlyProc, "/proc/self/"},
    {"mount", ENODEV, kNoOverlay, "overlay"},
    {"mount", EINVAL, kOldOverlay, "overlay"},
    {"mount", EPERM, kOverlayRefused, "overlay"},
    {"mount", EPERM, kNoMount},
    {"mount", EACCES, kNoMount},
    {"mount", ENOSYS, kNoSuchCall},
    {"open_tree", ENOSYS, kNewCall},
    {"open_tree", EPERM, kNoMount},
    {"move_mount", ENOSYS, kNewCall},
    {"fsopen", ENOSYS, kNewCall},
    {"mount_setattr", ENOSYS, kNewCall},
    {"mount_setattr", EPERM, kNoMount},
    {"openat2", ENOSYS, kNewCall},
    {"openat2", EPERM, kUnknownToFilter},
    {"pidfd_open", ENOSYS, kNewCall},
    {"setns", EPERM, kNoEntry},
    {"setns", ENOSYS, kNoSuchCall},
    {"seccomp", ENOSYS, kNoFilters},
    {"seccomp", EPERM, kNoFilters},
    {"seccomp", EINVAL, kNoFilters},
    {"seccomp", EOPNOTSUPP, kNoFilters},
    {"pivot_root", EPERM, kNoMount},
    {"pivot_root", EACCES, kNoMount},
    {"pivot_root", EINVAL, kNoPivot},
    {"open", ENOENT, kNoFuse, "/dev/fuse"},
    {"open", ENXIO, kNoFuse, "/dev/fuse"},
    {"open", ENODEV, kNoFuse, "/dev/fuse"},
    {"open", EACCES, kFuseRefused, "/dev/fuse"},
    {"open", EPERM, kFuseRefused, "/dev/fuse"},
    {"fsopen", EPERM, kNoMount},
    {"fsconfig", EPERM, kNoMount},
    {"fsconfig", EINVAL, kNoFuse, "FUSE"},
    {"mount", EINVAL, kNoFuse, "FUSE"},
    {"mount", ENODEV, kNoFuse, "FUSE"},
    {"shm_open", ENOENT, kNoSharedMemory},
    {"shm_open", EACCES, kNoSharedMemory},
    {"shm_open", EROFS, kNoSharedMemory},
    {"sem_open", ENOENT, kNoSharedMemory},
    {"sem_open", EACCES, kNoSharedMemory},
    {"sem_open", EROFS, kNoSharedMemory},
    {"write", EFBIG, kFileSize},
};

}  // namespace

std::span<const Refusal> refusals() { return kRefusals; }

}  // namespace chrun
