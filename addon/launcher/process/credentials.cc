#include "launcher/process/credentials.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/proc.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

constexpr int kMostCapabilities = 64;

constexpr Capabilities bit(int capability) { return Capabilities{1} << capability; }

/// What this kernel knows; asking for others would be refused.
Capabilities known_capabilities() {
  Capabilities known = 0;
  for (int each = 0; each < kMostCapabilities && prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; each++) known |= bit(each);
  return known;
}

bool is_mapped(gid_t group) { return setgroups(1, &group) == 0; }

/// Whether we have the right that only the kernel's own rule can make useless.
bool has_capability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  return (sets[capability / 32].effective & 1U << capability % 32) != 0;
}

/// The smallest id inside: 0, where there is a root.
unsigned least_mapped(const std::string& map) {
  std::istringstream lines(text_of(map));
  unsigned long least = ~0UL;
  for (unsigned long inside, outside, count; lines >> inside >> outside >> count;) least = std::min(least, inside);
  return least == ~0UL ? 0 : static_cast<unsigned>(least);
}

std::vector<gid_t> leave_out_unmapped(const std::vector<gid_t>& groups) {
  std::vector<gid_t> mapped;
  for (const gid_t group : groups) {
    if (is_mapped(group))
      mapped.push_back(group);
    else
      log::warning("group " + std::to_string(group) + " is not mapped in the user namespace: left out");
  }
  return mapped;
}

void set_groups(const std::vector<gid_t>& groups) {
  if (setgroups(groups.size(), groups.data()) == 0) return;
  const Refused refused("setgroups");
  const int code = errno;
  // user_namespaces(7): a process that has mapped a single id has given it up. What the container has at /proc can't
  // say so
  const bool forbidden = code == EPERM && has_capability(CAP_SETGID);
  if (forbidden && groups.empty()) return;
  if (forbidden) return log::warning("the kernel allows no supplementary groups in this user namespace: left out");
  if (code != EINVAL) throw refused.cannot("set the supplementary groups");
  const std::vector<gid_t> mapped = leave_out_unmapped(groups);
  if (setgroups(mapped.size(), mapped.data()) != 0) throw Refused("setgroups").cannot("set the supplementary groups");
}

}  // namespace

void limit_capabilities(Capabilities bounding) {
  const Capabilities known = known_capabilities();
  for (int each = 0; each < kMostCapabilities; each++) {
    if (!(known & bit(each)) || (bounding & bit(each))) continue;
    if (prctl(PR_CAPBSET_READ, each, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, each, 0, 0, 0) != 0)
      throw Refused("prctl").cannot("give up capability " + std::to_string(each));
  }
}

void become_user(uid_t uid, gid_t gid, const std::optional<std::vector<gid_t>>& groups) {
  const std::string name = std::to_string(uid) + ":" + std::to_string(gid);
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) throw Refused("prctl").cannot("become user " + name);
  if (groups) set_groups(*groups);
  if (setresgid(gid, gid, gid) != 0) throw Refused("setresgid").cannot("become user " + name);
  if (setresuid(uid, uid, uid) != 0) throw Refused("setresuid").cannot("become user " + name);
}

void set_capabilities(const CapabilitySets& wanted) {
  const Capabilities known = known_capabilities();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2];
  for (int half = 0; half < 2; half++) {
    const auto part = [&](Capabilities set) { return static_cast<__u32>((set & known) >> (32 * half)); };
    sets[half] = {part(wanted.effective), part(wanted.permitted), part(wanted.inheritable)};
  }
  if (syscall(SYS_capset, &header, sets) != 0) throw Refused("capset").cannot("set the capabilities");
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // callers ask for others, too, which the kernel can't give
  const Capabilities possible = wanted.ambient & known & wanted.inheritable & wanted.permitted;
  for (int each = 0; each < kMostCapabilities; each++) {
    if (!(possible & bit(each))) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0) != 0)
      throw Refused("prctl").cannot("raise the ambient capability " + std::to_string(each));
  }
}

void give_streams(uid_t uid) {
  for (int stream = 0; stream <= STDERR_FILENO; stream++) {
    struct stat status;
    if (fstat(stream, &status) != 0 || !S_ISFIFO(status.st_mode)) continue;
    if (fchown(stream, uid, static_cast<gid_t>(-1)) != 0) continue;
  }
}

RootIds root_ids(const std::string& process) {
  return {least_mapped(process + "/uid_map"), least_mapped(process + "/gid_map")};
}

void become_root(const RootIds& ids) {
  if (setgroups(0, nullptr) != 0 && errno != EPERM) throw Refused("setgroups").cannot("give up the caller's groups");
  if (setresgid(ids.gid, ids.gid, ids.gid) != 0) throw Refused("setresgid").cannot("become root of the user namespace");
  if (setresuid(ids.uid, ids.uid, ids.uid) != 0) throw Refused("setresuid").cannot("become root of the user namespace");
}

}  // namespace chrun
