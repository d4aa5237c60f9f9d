#include "launcher/plan/creation.h"

#include "base/error.h"

namespace chrun {
namespace {

/// The identity step names it where it is not the default.
std::string guest_home(const Creation& creation) {
  for (const Step& step : creation.steps) {
    if (step.kind == "identity" && step.fields.size() > 2) return field(step, 2);
  }
  return default_home();
}

}  // namespace

const StepKind<Creation>& create_kind(const Step& step) {
  return kind_in<Creation>({bind_kinds(), root_kinds(), namespace_kinds(), image_kinds(), join_kinds(), meet_kinds(),
                            container_kinds(), mount_kinds(), processor_kinds(), restored_kinds()},
                           step, "create");
}

int root_of(const Creation& creation, const Step& step) {
  if (!creation.root)
    throw Error("the plan has a " + std::string(step.kind) + " step that is not between root and pivot");
  return creation.root.get();
}

void prepare(Creation& creation) {
  for (const Step& step : creation.steps) {
    if (const auto& kind = create_kind(step); kind.prepare) kind.prepare(creation, step);
  }
}

void create(Creation& creation) {
  try {
    for (const Step& step : creation.steps) {
      act(create_kind(step), creation, step);
      if (creation.entered) return;
    }
    if (creation.sides) creation.sides->require_outside();
    if (creation.identity) creation.identity->write(guest_home(creation));
    creation.identity.reset();
    // peers are in the container before this process is the command
    hide_from_containers();
    if (creation.group) creation.group->open(creation.namespaces);
  } catch (const Error& failure) {
    if (creation.group && creation.group->won()) creation.group->fail(failure);
    throw;
  }
}

}  // namespace chrun
