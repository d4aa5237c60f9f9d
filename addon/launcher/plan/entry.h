// The list `enter`: what every process does that ends up in a container.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "launcher/log/system_log.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/step_kind.h"
#include "launcher/plan/steps.h"
#include "launcher/process/environment.h"
#include "launcher/process/gate.h"
#include "launcher/process/named_user.h"

namespace chrun {

/// What the steps of this list share.
struct Entry {
  const std::vector<Step>& steps;
  Environment& environment;
  const std::vector<char*>& command;
  const Origin origin;
  Creation* creation = nullptr;                // what it may have left for the first process
  std::map<const Step*, std::string> texts{};  // host files, read while the host's root is still ours
  std::optional<SystemLog> system_log{};       // opened while the host's /dev is in sight
  std::optional<Gate> gate{};                  // of an OCI container
  std::optional<NamedUser> named{};            // by the container's own files
  Fd agent{};                                  // who answers for system calls of the filter
  Fd proc{};                                   // of the host, for security labels
  bool typing_possible = false;                // into the caller's terminal, by what the container runs
};

/// What OCI containers ask for.
std::span<const StepKind<Entry>> process_kinds();
std::span<const StepKind<Entry>> scheduling_kinds();
std::span<const StepKind<Entry>> enter_criu_kinds();

const StepKind<Entry>& enter_kind(const Step& step);

/// Prepares what has to be read before any step of any list acts.
void prepare(Entry& entry);

/// Carries out the list; its last step makes this process the command. Throws Error.
[[noreturn]] void enter(Entry& entry);

}  // namespace chrun
