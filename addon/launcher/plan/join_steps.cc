// The steps by which a process ends up in a container that others share, or that is there already.
#include <sys/utsname.h>
#include <unistd.h>

#include <climits>

#include "base/error.h"
#include "base/records.h"
#include "launcher/join/join_rules.h"
#include "launcher/log/log.h"
#include "launcher/plan/creation.h"

namespace chrun {
namespace {

/// What the steps that create the container come to, for comparison between peers: their variables may differ.
std::string create_content(const Creation& creation) {
  std::string content;
  for (const Step& step : creation.steps) {
    if (step.kind == "join") continue;
    content += to_words(step);
    if (step.kind == "bind-variable") content += " = " + variable_source(creation, step);
    content += '\0';
  }
  return content;
}

/// A rank number that the count has no place for. Only where all ranks of the node are in one group.
void check_rank(const Environment& environment, int count) {
  const auto rank = local_rank(environment);
  if (!rank || *rank < count) return;
  throw Error("--join: the group has no room for rank " + std::to_string(*rank) +
                  " of this node (counted from 0): the count is " + std::to_string(count),
              "is the count right? (--join-ct)");
}

/// A process that enters a container finds it as the first process does.
void note_entry(Creation& creation, NamespaceSet namespaces) {
  creation.namespaces = namespaces;
  creation.entered = true;
  utsname names;
  if ((namespaces & CLONE_NEWUTS) && uname(&names) == 0) creation.environment.set("HOSTNAME", names.nodename);
}

/// join COUNT|environment TIMEOUT [TAG]
void join(Creation& creation, const Step& step) {
  JoinRequest request;
  const bool derived = step.fields[0] == "environment";
  request.count = derived ? derive_join_count(creation.environment)
                          : static_cast<int>(parse_number(step.fields[0], INT_MAX, "the number of peers"));
  if (request.count == 0) throw Error("the number of peers is 0");
  request.timeout = static_cast<int>(parse_number(step.fields[1], INT_MAX, "the join timeout"));
  const bool same_parent = step.fields.size() < 3;
  if (same_parent) check_rank(creation.environment, request.count);
  request.tag = same_parent ? derive_join_tag(creation.environment, getppid()) : field(step, 2);
  request.starter = [&creation, same_parent] { return find_starter(creation.environment, same_parent); };
  log::verbose(1, "join group " + request.tag + " of " + std::to_string(request.count));
  if (request.count == 1) return sweep_abandoned_groups();  // nobody to share with
  request.content = create_content(creation);
  creation.group.emplace(std::move(request));
  if (creation.group->won()) return;
  note_entry(creation, creation.group->enter());
}

void join_pid(Creation& creation, const Step& step) {
  note_entry(creation, join_process(static_cast<int>(parse_number(step.fields[0], INT_MAX, "a process ID"))));
}

constexpr StepKind<Creation> kKinds[] = {
    {"join", 2, 3, join},
    {"join-pid", 1, 1, join_pid},
};

}  // namespace

std::span<const StepKind<Creation>> join_kinds() { return kKinds; }

}  // namespace chrun
