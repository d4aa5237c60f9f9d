// The list `outside`: what the process does that stays outside of the container while that is made.
#pragma once
#include <optional>
#include <span>

#include "base/fd.h"
#include "containers/container.h"
#include "launcher/plan/step_kind.h"
#include "launcher/process/sides.h"

namespace chrun {

/// What the steps of this list share.
struct Outside {
  const std::vector<Step>& steps;
  Sides& sides;
  std::optional<Container> container{};  // of OCI
  std::string saved{};                   // what is to be saved of it, in JSON, without the braces
  std::string scope{};                   // the path of the group that systemd has made
  Groups groups{};                       // its control groups
  Groups watched{};                      // those of a container that is entered, where memory is limited
  unsigned long long kills = 0;          // for lack of memory in these, until then
  Fd terminal{};                         // the other end of the container's terminal
  std::optional<int> ended{};            // how the first process did, as waitpid(2) has it
  bool parted = false;                   // the container's side is on its own
};

/// What OCI containers ask for.
std::span<const StepKind<Outside>> runtime_kinds();
std::span<const StepKind<Outside>> group_kinds();

/// Throws Error where one of the lists has a step that it can't have, or one that the other side waits for in vain.
void check_sides(const Plan& plan);

/// Carries out the list, and ends as the container's first process does, or leaves that to itself. Throws Error, after
/// everything that was made is removed.
[[noreturn]] void stay_outside(Outside outside);

}  // namespace chrun
