// The kinds of steps that a list of a plan can have: a table of them for each list.
#pragma once
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "launcher/plan/plan.h"

namespace chrun {

/// One kind of step: a thin function over one kernel concern, which throws Error. `Phase` is what the steps of its list
/// share, and no other's.
template <class Phase>
struct StepKind {
  std::string_view name;
  size_t fewest, most;  // fields
  void (*act)(Phase&, const Step&);
  void (*prepare)(Phase&, const Step&) = nullptr;  // runs before the first step of any list acts
  void (*look_up)(Phase&, const Step&) = nullptr;  // runs in the first namespaces, before anything of ours is mounted
};

constexpr size_t kAnyFields = ~size_t{0};

[[noreturn]] void refuse_fields(const Step& step);
[[noreturn]] void refuse_kind(const Step& step, std::string_view list);

/// What kind of step it is, by the tables of the list it stands in. Throws Error where that has no such kind, or the
/// number of fields is wrong.
template <class Phase>
const StepKind<Phase>& kind_in(std::initializer_list<std::span<const StepKind<Phase>>> tables, const Step& step,
                               std::string_view list) {
  for (const auto table : tables) {
    for (const StepKind<Phase>& kind : table) {
      if (kind.name != step.kind) continue;
      if (step.fields.size() >= kind.fewest && step.fields.size() <= kind.most) return kind;
      refuse_fields(step);
    }
  }
  refuse_kind(step, list);
}

inline std::string field(const Step& step, size_t index) { return std::string(step.fields[index]); }

/// The step as `--dry-run` prints it, but for quotes.
std::string to_words(const Step& step);

/// With -v: says that it is carried out.
void show(const Step& step);

template <class Phase>
void act(const StepKind<Phase>& kind, Phase& phase, const Step& step) {
  show(step);
  kind.act(phase, step);
}

}  // namespace chrun
