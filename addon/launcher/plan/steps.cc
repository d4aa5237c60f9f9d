#include "launcher/plan/steps.h"

#include <algorithm>

#include "base/error.h"
#include "launcher/log/log.h"
#include "launcher/plan/launch.h"
#include "launcher/process/namespaces.h"

namespace chrun {
namespace {

void run_step(Launch& launch, const Step& step) {
  if (log::follows_steps()) log::step(to_words(step));
  kind_of(step).act(launch, step);
}

/// The identity step names it where it is not the default.
std::string guest_home(const Launch& launch) {
  for (const Step& step : launch.plan.create) {
    if (step.kind == "identity" && step.fields.size() > 2) return field(step, 2);
  }
  return default_home();
}

/// Until the container is created, or an existing one is entered.
void create(Launch& launch) {
  try {
    for (const Step& step : launch.plan.create) {
      run_step(launch, step);
      if (launch.entered) return;
    }
    if (launch.identity) launch.identity->write(guest_home(launch));
    launch.identity.reset();
    // peers are in the container before this process is the command
    hide_from_containers();
    if (launch.group) launch.group->open(launch.namespaces);
  } catch (const Error& failure) {
    if (launch.group && launch.group->won()) launch.group->fail(failure);
    throw;
  }
}

/// The launch failed because the file-system server of its image did: the kernel has these two words for that.
bool is_server_gone(const Plan& plan, const SysError& failure) {
  if (failure.code() != ENOTCONN && failure.code() != ECONNABORTED) return false;
  return std::ranges::any_of(plan.create, [](const Step& step) { return step.kind == "squashfs"; });
}

}  // namespace

const StepKind& kind_of(const Step& step) {
  for (const auto kinds : {create_kinds(), image_kinds(), enter_kinds()}) {
    for (const StepKind& kind : kinds) {
      if (kind.name != step.kind) continue;
      if (step.fields.size() >= kind.fewest && step.fields.size() <= kind.most) return kind;
      refuse_fields(step);
    }
  }
  throw Error("unknown step '" + std::string(step.kind) + "' in the plan");
}

void refuse_fields(const Step& step) {
  throw Error("malformed " + std::string(step.kind) + " step in the plan: it has " +
              std::to_string(step.fields.size()) + " fields");
}

std::string to_words(const Step& step) {
  std::string words(step.kind);
  for (const auto word : step.fields) words += " " + std::string(word);
  return words;
}

int root_of(const Launch& launch, const Step& step) {
  if (!launch.root)
    throw Error("the plan has a " + std::string(step.kind) + " step that is not between root and pivot");
  return launch.root.get();
}

[[noreturn]] void run_plan(const Plan& plan, Origin origin, Environment environment, std::vector<char*> command) {
  Launch launch{plan, origin, std::move(environment), std::move(command)};
  // all of it is checked and read before any of it is done
  for (const auto* steps : {&plan.create, &plan.enter}) {
    for (const Step& step : *steps) {
      if (const StepKind& kind = kind_of(step); kind.prepare) kind.prepare(launch, step);
    }
  }
  try {
    create(launch);
    for (const Step& step : plan.enter) run_step(launch, step);
  } catch (const SysError& failure) {
    if (!is_server_gone(plan, failure)) throw;
    throw failure.reworded(
        std::string("the image's file-system server ended before the command could start: ") + failure.what(),
        Exit::server);
  }
  throw Error("the plan has no command step");
}

}  // namespace chrun
