#include "launcher/plan/command_words.h"

#include "base/records.h"
#include "launcher/plan/step_kind.h"

namespace chrun {

std::vector<char*> complete_command(const Plan& plan, const std::vector<char*>& given) {
  const Step* step = nullptr;
  for (const Step& each : plan.enter) {
    if (each.kind == "command" && !each.fields.empty()) step = &each;
  }
  if (step == nullptr) return given;
  // command COUNT BEFORE … OTHERWISE …
  const auto& fields = step->fields;
  if (fields.size() < 2) refuse_fields(*step);
  const size_t before = 1 + parse_number(fields[0], fields.size() - 1, "the number of words before the command");
  std::vector<char*> whole;
  const auto append = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; i++) whole.push_back(const_cast<char*>(fields[i].data()));
  };
  append(1, before);
  if (given.size() > 1)
    whole.insert(whole.end(), given.begin(), given.end() - 1);
  else
    append(before, fields.size());
  whole.push_back(nullptr);
  return whole;
}

}  // namespace chrun
