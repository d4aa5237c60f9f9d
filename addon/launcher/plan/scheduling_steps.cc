// The steps that say what a process of an OCI container gets of the machine, and how security modules see it.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/proc.h"
#include "base/records.h"
#include "launcher/log/log.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/entry.h"
#include "launcher/process/scheduling.h"

namespace chrun {
namespace {

unsigned number(const Step& step, size_t at) {
  return static_cast<unsigned>(parse_number(step.fields[at], ~0U, "a number"));
}

/// scheduler NAME POLICY FLAGS NICE PRIORITY RUNTIME DEADLINE PERIOD
void scheduler(Entry&, const Step& step) {
  const auto time = [&](size_t at) { return parse_number(step.fields[at], ~0ULL, "a time"); };
  set_scheduler(
      {number(step, 1), number(step, 2), atoi(field(step, 3).c_str()), number(step, 4), time(5), time(6), time(7)},
      field(step, 0));
}

/// io-priority CLASS PRIORITY
void io_priority(Entry&, const Step& step) { set_io_priority(number(step, 0), number(step, 1)); }

/// memory-policy NAME MODE NODES
void memory_policy(Entry&, const Step& step) { set_memory_policy(number(step, 1), field(step, 2), field(step, 0)); }

/// personality DOMAIN
void personality(Entry&, const Step& step) { set_personality(number(step, 0)); }

/// processors LIST: in both lists, before and after an existing container is entered.
void processors(Entry&, const Step& step) { set_processors(field(step, 0)); }
void processors(Creation&, const Step& step) { set_processors(field(step, 0)); }

/// oom-score SCORE: a user may only raise it. First of all steps: later the file is not ours to write.
void oom_score(Creation&, const Step& step) {
  const Fd file = open_own_file("/proc/self/oom_score_adj");
  if (file && write(file.get(), step.fields[0].data(), step.fields[0].size()) >= 0) return;
  const Refused refused("write");
  if (errno == EACCES || errno == EPERM) return log::verbose(1, "the OOM score stays as inherited: " + refused.words());
  throw refused.cannot("set the OOM score to " + field(step, 0));
}

/// security-label MODULE LABEL: what the container has at /proc may be anything.
void look_at_proc(Entry& entry, const Step&) {
  entry.proc = Fd(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statfs status;
  if (!entry.proc || fstatfs(entry.proc.get(), &status) != 0) throw Refused("open").cannot("set a security label");
  if (status.f_type != PROC_SUPER_MAGIC) throw Error("can't set a security label: /proc is not procfs");
}

void security_label(Entry& entry, const Step& step) {
  set_security_label(entry.proc.get(), field(step, 0), field(step, 1));
}

constexpr StepKind<Entry> kEnterKinds[] = {
    {"scheduler", 8, 8, scheduler},         {"io-priority", 2, 2, io_priority},
    {"memory-policy", 3, 3, memory_policy}, {"personality", 1, 1, personality},
    {"processors", 1, 1, processors},       {"security-label", 2, 2, security_label, look_at_proc},
};
constexpr StepKind<Creation> kCreateKinds[] = {{"processors", 1, 1, processors}, {"oom-score", 1, 1, oom_score}};

}  // namespace

std::span<const StepKind<Entry>> scheduling_kinds() { return kEnterKinds; }
std::span<const StepKind<Creation>> processor_kinds() { return kCreateKinds; }

}  // namespace chrun
