// The steps that make namespaces, and what the user and the machine are called in them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/image_path.h"
#include "base/proc.h"
#include "base/records.h"
#include "launcher/plan/creation.h"
#include "launcher/process/user_ns.h"

namespace chrun {
namespace {

constexpr unsigned kLargestId = 0xfffffffe;  // 2³²−1 means "no id" to the kernel

IdMap id_map(std::string_view pair) {
  const size_t colon = pair.find(':');
  if (colon == std::string_view::npos)
    throw Error("expected INSIDE:OUTSIDE for an id map, got '" + std::string(pair) + "'");
  return {static_cast<unsigned>(parse_number(pair.substr(0, colon), kLargestId, "an id inside")),
          static_cast<unsigned>(parse_number(pair.substr(colon + 1), kLargestId, "an id outside"))};
}

unsigned id(std::string_view text) { return static_cast<unsigned>(parse_number(text, kLargestId, "an id")); }

/// Where a bind lies over the root directory itself, the kernel takes that for a chroot, in which there are no user
/// namespaces. Looking for it before would cost every launch time. Throws Error.
void look_for_covered_root(const Creation& creation) {
  const auto table = mount_table();
  const Fd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root || std::ranges::count(table, "/", &MountEntry::place) < 2) return;
  for (const Step& step : creation.steps) {
    if (step.kind != "bind" && step.kind != "bind-variable") continue;
    const Bind bind = bind_of(creation, step);
    const Fd place = open_in_image(root.get(), bind.destination);
    if (place && path_of(place.get()) == "/")
      throw Error("can't bind " + bind.source + " to " + bind.destination + ": that is the root directory");
  }
}

NamespaceSet flag_of(std::string_view name) {
  const auto kind = std::ranges::find(kNamespaceKinds, name, &NamespaceKind::name);
  if (kind != kNamespaceKinds.end()) return kind->flag;
  throw Error("unknown namespace '" + std::string(name) + "' in the plan");
}

/// user-namespace UID GID NAMESPACE …
void user_namespace(Creation& creation, const Step& step) {
  if (!creation.namespaces) look_up_names(creation);
  NamespaceSet set = kEveryContainer;
  for (size_t i = 2; i < step.fields.size(); i++) set |= flag_of(step.fields[i]);
  try {
    make_namespaces(set, id_map(step.fields[0]), id_map(step.fields[1]));
  } catch (const SysError& refusal) {
    if (creation.namespaces && refusal.code() == EPERM) look_for_covered_root(creation);
    throw;
  }
  creation.namespaces |= set;
}

/// hostname NAME
void hostname(Creation& creation, const Step& step) {
  // as root, it would be the host's
  if (!(creation.namespaces & CLONE_NEWUTS))
    throw Error("the plan has a hostname step that is not in a UTS namespace of its own");
  if (sethostname(step.fields[0].data(), step.fields[0].size()) != 0)
    throw Refused("sethostname").cannot("set the host name to " + field(step, 0));
  creation.environment.set("HOSTNAME", step.fields[0]);
}

/// identity UID GID [HOME]
void identity(Creation& creation, const Step& step) {
  const int root = root_of(creation, step);
  if (!creation.identity) throw Error("the plan has an identity step that is not between user-namespace and pivot");
  creation.identity->bind(creation.stage, root);
}

constexpr StepKind<Creation> kKinds[] = {
    {"user-namespace", 2, 2 + kNamespaceKinds.size(), user_namespace},
    {"hostname", 1, 1, hostname},
    {"identity", 2, 3, identity},
};

}  // namespace

void look_up_names(Creation& creation) {
  for (const Step& step : creation.steps)
    if (step.kind == "identity" && !creation.identity)
      creation.identity.emplace(id(step.fields[0]), id(step.fields[1]));
}

std::span<const StepKind<Creation>> namespace_kinds() { return kKinds; }

}  // namespace chrun
