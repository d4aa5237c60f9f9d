#include "refusals/restrictions.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/proc.h"

namespace chrun::restrictions {
namespace {

/// The value of `name` in /proc/self/status.
std::string status_field(const std::string& name) {
  const std::string status = "\n" + text_of("/proc/self/status");
  const size_t at = status.find("\n" + name + ":\t");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 3;
  return status.substr(begin, status.find('\n', begin) - begin);
}

bool is_mapped(const char* map, unsigned long id) {
  const std::string text = text_of(map);
  const char* at = text.c_str();
  for (char* end = nullptr;; at = end) {
    const unsigned long inside = strtoul(at, &end, 10);
    if (end == at) break;
    strtoul(end, &end, 10);  // the id outside
    const unsigned long count = strtoul(end, &end, 10);
    if (id >= inside && id - inside < count) return true;
  }
  return access(map, R_OK) != 0;  // unknown; an existing but empty map maps no id
}

}  // namespace

long sysctl(const std::string& name, long fallback) {
  const std::string text = text_of("/proc/sys/" + name);
  return text.empty() ? fallback : strtol(text.c_str(), nullptr, 10);
}

bool is_privileged() {
  constexpr unsigned kSysAdmin = 21;  // capabilities(7), CAP_SYS_ADMIN
  return strtoull(status_field("CapEff").c_str(), nullptr, 16) >> kSysAdmin & 1;
}

bool has_filter() { return status_field("Seccomp") == "2"; }

std::string apparmor_profile() {
  const std::string text = text_of("/proc/self/attr/apparmor/current");
  return text.substr(0, text.find('\n'));
}

bool apparmor_restricts() {
  if (sysctl("kernel/apparmor_restrict_unprivileged_userns", 0) == 0) return false;
  const std::string profile = apparmor_profile();
  return profile.empty() || profile.rfind("unconfined", 0) == 0 || profile.rfind("unprivileged_userns", 0) == 0;
}

bool ids_are_mapped() {
  return is_mapped("/proc/self/uid_map", geteuid()) && is_mapped("/proc/self/gid_map", getegid());
}

bool is_chrooted() {
  const auto table = mount_table();
  return !table.empty() && std::ranges::find(table, "/", &MountEntry::place) == table.end();
}

bool is_kernel_before(long major, long minor) {
  struct utsname name;
  char* end = nullptr;
  if (uname(&name) != 0) return false;
  const long found = strtol(name.release, &end, 10);
  return found < major || (found == major && strtol(end + (*end == '.'), nullptr, 10) < minor);
}

const char* id_map_call(unsigned outside) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  const bool known = outside == 0 && syscall(SYS_capget, &header, sets) == 0;
  return known && !(sets[0].effective >> CAP_SETFCAP & 1) ? "write id map without CAP_SETFCAP" : "write id map";
}

bool kernel_has_user_namespaces() { return access("/proc/self/ns/user", F_OK) == 0; }

}  // namespace chrun::restrictions
