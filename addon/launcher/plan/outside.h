// The list `outside`: what the process does that stays outside of the container while that is made.
#pragma once
#include <optional>
#include <span>

#include "base/fd.h"
#include "containers/container.h"
#include "launcher/parent/criu.h"
#include "launcher/plan/step_kind.h"
#include "launcher/process/sides.h"

namespace chrun {

/// A control group that the container's side is to be in.
struct WantedGroup {
  Group group;
  bool must = false, asked = false;
};

/// Where the two sides meet if the container's was not born in its groups.
constexpr const char* kControlGroups = "control groups";

/// What the steps of this list share.
struct Outside {
  const std::vector<Step>& steps;
  size_t done = 0;                       // how many have acted
  Sides* sides = nullptr;                // once there are two
  Birthplace birthplace{};               // of the container's side
  std::vector<WantedGroup> joining{};    // that side is not known to be in them yet
  std::string refusal{};                 // why the container does without a group that was asked for
  pid_t first = 0;                       // of a container that is entered: its first process
  std::optional<Container> container{};  // of OCI
  std::string saved{};                   // what is to be saved of it, in JSON, without the braces
  std::string unit{};                    // `system UNIT` or `user UNIT`: the scope that systemd has made,
  std::string scope{};                   // and the path of its group
  Groups groups{};                       // its control groups
  Groups watched{};                      // those of a container that is entered, where memory is limited
  unsigned long long kills = 0;          // for lack of memory in these, until then
  std::optional<Criu> criu{};            // the process at the other side is it
  pid_t restored = 0;                    // the first process of what it restores
  Fd terminal{};                         // the other end of the container's terminal
  pid_t passes_on = 0;                   // a child that passes on notices of the container
  std::optional<int> ended{};            // how the first process did, as waitpid(2) has it
  bool parted = false;                   // the container's side is on its own
};

/// What OCI containers ask for.
std::span<const StepKind<Outside>> runtime_kinds();
std::span<const StepKind<Outside>> group_kinds();
std::span<const StepKind<Outside>> outside_criu_kinds();

/// Throws Error where one of the lists has a step that it can't have, or one that the other side waits for in vain.
void check_sides(const Plan& plan);

/// Carries out the steps at the beginning of the list that need no other side. Throws Error, after everything that was
/// made is removed.
void begin_outside(Outside& outside);

/// Carries out the rest, and ends as the container's first process does, or leaves that to itself. Throws Error, after
/// everything that was made is removed.
[[noreturn]] void stay_outside(Outside& outside);

/// Whether the container's side is in all its groups from its beginning, or moves there by itself.
bool is_born_in_groups(const Outside& outside);

/// Puts it into the others. Throws Error.
void join_groups(Outside& outside);

}  // namespace chrun
