// The list `create`: the first process of a container makes it.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/files/binds.h"
#include "launcher/files/host_trees.h"
#include "launcher/files/mounts.h"
#include "launcher/files/overlay.h"
#include "launcher/files/stage.h"
#include "launcher/join/join.h"
#include "launcher/plan/step_kind.h"
#include "launcher/process/environment.h"
#include "launcher/process/identity.h"
#include "launcher/process/namespaces.h"
#include "launcher/process/sides.h"
#include "squashfs/client/client.h"

namespace chrun {

/// What the steps of this list share.
struct Creation {
  const std::vector<Step>& steps;
  Environment& environment;
  const std::vector<char*>& command;             // what is to be executed inside, NULL-terminated; or empty
  std::optional<Sides> sides{};                  // where something is done outside, too
  std::optional<squashfs::ServedImage> image{};  // a SquashFS image, until it is mounted
  HostTrees host{};                              // what lies at the host paths that steps name
  std::map<const Step*, Fd> directories{};       // host directories that steps name, and use otherwise
  /// With the types that their sources ask for.
  std::map<const Step*, std::vector<Destination>> destinations{};
  Stage stage{};                               // where mounts wait for their places
  Fd root{};                                   // the image's root, from its mount until `pivot`
  bool writable = false;                       // the image, or what lies over it
  std::optional<Identity> identity{};          // passwd and group, until they are written
  UpperDirectory upper{};                      // what is to lie over the image, until it does
  std::optional<JoinGroup> group{};            // the peers, with --join
  bool served = false;                         // by a file-system server
  PlacedMounts placed{};                       // where `served`
  NamespaceSet namespaces = 0;                 // that it has of its own
  Fd gate{};                                   // where the first process of an OCI container is to wait
  Fd criu{};                                   // where CRIU, which this process becomes, gets its requests
  Fd terminal{};                               // the other end of an OCI container's terminal
  std::string state{};                         // of an OCI container, in JSON: for its hooks
  std::string pid{};                           // of this process, as those outside see it
  std::map<const Step*, Fd> joined{};          // namespaces that steps name
  std::map<const Step*, std::string> links{};  // what steps copy: where each leads to
  bool entered = false;                        // an existing container was entered: nothing is left to create
};

/// How a container becomes this process's own: by entering one, making namespaces, mounting the image, mounting
/// something in it, and changing what it looks like; and where it meets the side outside.
std::span<const StepKind<Creation>> join_kinds();
std::span<const StepKind<Creation>> namespace_kinds();
std::span<const StepKind<Creation>> root_kinds();
std::span<const StepKind<Creation>> bind_kinds();
std::span<const StepKind<Creation>> image_kinds();
std::span<const StepKind<Creation>> meet_kinds();
/// What OCI containers ask for: namespaces and identities of every kind, and mounts of every kind.
std::span<const StepKind<Creation>> container_kinds();
std::span<const StepKind<Creation>> mount_kinds();
std::span<const StepKind<Creation>> processor_kinds();
/// What is restored from a checkpoint.
std::span<const StepKind<Creation>> restored_kinds();
const StepKind<Creation>& create_kind(const Step& step);

/// The image's root, for the steps between `root` and `pivot`.
int root_of(const Creation& creation, const Step& step);

/// Looks up the names for an identity step to come, once: before the namespaces, since who is asked for them must not
/// be moved into the image by pivot_root(2), as all processes of a mount namespace are.
void look_up_names(Creation& creation);

/// Looks up what steps name on the host.
void look_at_host(Creation& creation);

/// What a bind or bind-variable step asks for; the source of the latter is the value of a variable.
Bind bind_of(const Creation& creation, const Step& step);
std::string variable_source(const Creation& creation, const Step& step);

/// Prepares what has to be read before any step of any list acts.
void prepare(Creation& creation);

/// Carries out the list: until the container is there, or an existing one is entered. Throws Error.
void create(Creation& creation);

}  // namespace chrun
