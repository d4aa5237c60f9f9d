// What this process can find out about the reasons for a refusal, from /proc. Asked after a failure only.
#pragma once
#include <string>

namespace chrun::restrictions {

/// The number in a file below /proc/sys, or `fallback` where there is no such file.
long sysctl(const std::string& name, long fallback);
/// Whether this process may do what the restrictions on the unprivileged forbid (CAP_SYS_ADMIN).
bool is_privileged();
/// Whether a seccomp filter is on.
bool has_filter();
/// The AppArmor profile of this process; empty without AppArmor.
std::string apparmor_profile();
/// Whether AppArmor keeps this process from using user namespaces: it is enabled, and has no profile for us.
bool apparmor_restricts();
/// Whether user and group have a name in the present user namespace: unmapped ones can't make another.
bool ids_are_mapped();
/// Whether the root directory is one that was chosen by chroot(2), as far as can be seen: no mount is at it.
bool is_chrooted();
bool kernel_has_user_namespaces();

/// Whether the kernel's release is before this one.
bool is_kernel_before(long major, long minor);

/// The name, in errors, of the call that writes an id map for outer user `outside`: says what is missing. To be asked
/// before unshare(2), which gives all capabilities, but in the new namespace only.
const char* id_map_call(unsigned outside);

}  // namespace chrun::restrictions
