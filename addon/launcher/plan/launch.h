// One launch as its steps see it, and the kinds of steps there are.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/files/host_trees.h"
#include "launcher/files/mounts.h"
#include "launcher/files/overlay.h"
#include "launcher/files/stage.h"
#include "launcher/join/join.h"
#include "launcher/log/system_log.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/steps.h"
#include "launcher/process/environment.h"
#include "launcher/process/identity.h"
#include "launcher/process/namespaces.h"
#include "squashfs/client/client.h"

namespace chrun {

/// What the steps of one launch share.
struct Launch {
  const Plan& plan;
  const Origin origin;
  Environment environment;
  std::vector<char*> command;
  std::optional<squashfs::ServedImage> image{};  // a SquashFS image, until it is mounted
  HostTrees host{};                              // what lies at the host paths that steps name
  std::map<const Step*, Fd> directories{};       // host directories that steps name, and use otherwise
  /// With the types that their sources ask for.
  std::map<const Step*, std::vector<Destination>> destinations{};
  Stage stage{};                               // where mounts wait for their places
  Fd root{};                                   // the image's root, from its mount until `pivot`
  bool writable = false;                       // the image, or what lies over it
  std::optional<Identity> identity{};          // passwd and group, until they are written
  Layer layer{};                               // what is to lie over the image, until it does
  std::map<const Step*, std::string> texts{};  // host files, read while the host's root is still ours
  std::optional<JoinGroup> group{};            // the peers, with --join
  std::optional<SystemLog> system_log{};       // opened while the host's /dev is in sight
  bool typing_possible = false;                // into the caller's terminal, by what the container runs
  bool served = false;                         // by a file-system server
  PlacedMounts placed{};                       // where `served`
  NamespaceSet namespaces = 0;                 // that it has of its own
  bool entered = false;                        // an existing container was entered: nothing is left to create
};

/// One kind of step: a thin function over one kernel concern, which throws Error.
struct StepKind {
  std::string_view name;
  size_t fewest, most;  // fields
  void (*act)(Launch&, const Step&);
  void (*prepare)(Launch&, const Step&) = nullptr;  // runs before the first step acts
  void (*look_up)(Launch&, const Step&) = nullptr;  // runs in the first namespaces, before anything of ours is mounted
};

constexpr size_t kAnyFields = ~size_t{0};

/// What creates a container, what of it changes the image, and what every process does that ends up in it.
std::span<const StepKind> create_kinds();
std::span<const StepKind> image_kinds();
std::span<const StepKind> enter_kinds();

/// Throws Error where there is no such kind, or the number of fields is wrong.
const StepKind& kind_of(const Step& step);
[[noreturn]] void refuse_fields(const Step& step);

inline std::string field(const Step& step, size_t index) { return std::string(step.fields[index]); }

/// The image's root, for the steps between `root` and `pivot`.
int root_of(const Launch& launch, const Step& step);

/// The step as `--dry-run` prints it, but for quotes.
std::string to_words(const Step& step);

}  // namespace chrun
