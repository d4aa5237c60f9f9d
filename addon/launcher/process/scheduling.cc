#include "launcher/process/scheduling.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace chrun {
namespace {

/// struct sched_attr, of the first version.
struct Attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

constexpr unsigned kMost = 8192;  // of the largest kernels

/// A bit for each of `0-3,7`. Throws Error.
std::vector<unsigned long> bits_of(const std::string& list, const std::string& what) {
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> bits(kMost / kBits);
  const char* at = list.c_str();
  const auto number = [&] {
    char* end;
    const unsigned long found = strtoul(at, &end, 10);
    if (end == at || found >= kMost) throw Error("expected numbers and ranges for " + what + ", got '" + list + "'");
    at = end;
    return found;
  };
  while (*at != '\0') {
    const unsigned long first = number(), last = *at == '-' ? (at++, number()) : first;
    for (unsigned long each = first; each <= last; each++) bits[each / kBits] |= 1UL << each % kBits;
    if (*at != '\0' && *at++ != ',') throw Error("expected numbers and ranges for " + what + ", got '" + list + "'");
  }
  return bits;
}

}  // namespace

void set_scheduler(const Scheduling& wanted, const std::string& name) {
  Attributes attributes{sizeof attributes, wanted.policy,  wanted.flags,    wanted.nice,
                        wanted.priority,   wanted.runtime, wanted.deadline, wanted.period};
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0)
    throw Refused("sched_setattr").cannot("set the scheduler to " + name);
}

void set_io_priority(unsigned kind, unsigned priority) {
  constexpr int kProcess = 1, kClassShift = 13;
  if (syscall(SYS_ioprio_set, kProcess, 0, kind << kClassShift | priority) != 0)
    throw Refused("ioprio_set").cannot("set the priority of input and output");
}

void set_memory_policy(unsigned mode, const std::string& nodes, const std::string& name) {
  const auto bits = bits_of(nodes, "the nodes of memory");
  const long set = nodes.empty() ? syscall(SYS_set_mempolicy, mode, nullptr, 0)
                                 : syscall(SYS_set_mempolicy, mode, bits.data(), kMost);
  if (set != 0) throw Refused("set_mempolicy").cannot("set the memory policy to " + name);
}

void set_processors(const std::string& list) {
  const auto bits = bits_of(list, "processors");
  if (syscall(SYS_sched_setaffinity, 0, bits.size() * sizeof bits[0], bits.data()) != 0)
    throw Refused("sched_setaffinity").cannot("run on the processors " + list);
}

void set_personality(unsigned domain) {
  if (personality(domain) < 0) throw Refused("personality").cannot("set the personality");
}

void set_security_label(int proc, const std::string& module, const std::string& label) {
  const bool profile = module == "apparmor";
  const std::string action = "set the " + std::string(profile ? "AppArmor profile" : "SELinux label") + " to " + label;
  Fd file(openat(proc, profile ? "self/attr/apparmor/exec" : "self/attr/exec", O_WRONLY | O_CLOEXEC));
  // before Linux 5.1 all modules have one file
  if (!file && errno == ENOENT) file = Fd(openat(proc, "self/attr/exec", O_WRONLY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot(action);
  const std::string text = profile ? "exec " + label : label;
  if (write(file.get(), text.data(), text.size()) >= 0) return;
  const Refused refused("write");
  throw refused.cannot(action + " (is " + (profile ? "AppArmor" : "SELinux") + " enabled, and does it know it?)");
}

}  // namespace chrun
