#include "launcher/plan/steps.h"

#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "launcher/log/log.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/entry.h"
#include "launcher/plan/outside.h"

namespace chrun {
namespace {

/// The launch failed because the file-system server of its image did: the kernel has these two words for that.
bool is_server_gone(const Plan& plan, const SysError& failure) {
  if (failure.code() != ENOTCONN && failure.code() != ECONNABORTED) return false;
  return std::ranges::any_of(plan.create, [](const Step& step) { return step.kind == "squashfs"; });
}

}  // namespace

void refuse_fields(const Step& step) {
  throw Error("malformed " + std::string(step.kind) + " step in the plan: it has " +
              std::to_string(step.fields.size()) + " fields");
}

void refuse_kind(const Step& step, std::string_view list) {
  throw Error("unknown step '" + std::string(step.kind) + "' in the list '" + std::string(list) + "' of the plan");
}

std::string to_words(const Step& step) {
  std::string words(step.kind);
  for (const auto word : step.fields) words += " " + std::string(word);
  return words;
}

void show(const Step& step) {
  if (log::follows_steps()) log::step(to_words(step));
}

namespace {

/// What the container's side reports is printed by whoever waits for it: outside, or, later, by `start`.
class ToOtherSide final : public log::Sink {
 public:
  ToOtherSide(const Creation& creation, const Entry& entry) : creation_(creation), entry_(entry) {}

  void error(const Error& failure, const std::string&) override { report(failure); }
  void warning(const std::string& message) override {
    if (entry_.gate && entry_.gate->starter().warn(message)) return;
    if (creation_.sides) creation_.sides->warn(message);
  }
  /// False if there is nobody.
  bool report(const Error& failure) const {
    if (entry_.gate && entry_.gate->starter().report(failure)) return true;
    return creation_.sides && creation_.sides->report(failure);
  }

 private:
  const Creation& creation_;
  const Entry& entry_;
};

[[noreturn]] void carry_out(const Plan& plan, Creation& creation, Entry& entry) {
  try {
    // all of it is checked and read before any of it is done
    prepare(creation);
    prepare(entry);
    create(creation);
    enter(entry);
  } catch (const SysError& failure) {
    if (!is_server_gone(plan, failure)) throw;
    throw failure.reworded(
        std::string("the image's file-system server ended before the command could start: ") + failure.what(),
        Exit::server);
  }
}

}  // namespace

[[noreturn]] void run_plan(const Plan& plan, Origin origin, Environment environment, std::vector<char*> command) {
  Creation creation{plan.create, environment, command};
  Entry entry{plan.enter, environment, command, origin, &creation};
  check_sides(plan);
  if (plan.outside.empty()) carry_out(plan, creation, entry);
  std::optional<Outside> outside(Outside{plan.outside});
  begin_outside(*outside);
  outside->sides = &creation.sides.emplace(outside->birthplace.unified);
  if (creation.sides->is_outside()) stay_outside(*outside);
  const Birthplace birthplace = std::move(outside->birthplace);
  const bool is_born = is_born_in_groups(*outside);
  // its lock is the other side's
  outside.reset();
  ToOtherSide other(creation, entry);
  log::Sink* const before = log::set_sink(&other);
  try {
    if (!is_born) creation.sides->meet(kControlGroups);
    move_into(birthplace);
    carry_out(plan, creation, entry);
  } catch (const Error& failure) {
    if (other.report(failure)) _exit(static_cast<int>(failure.exit()));
    log::set_sink(before);
    throw;
  }
}

}  // namespace chrun
