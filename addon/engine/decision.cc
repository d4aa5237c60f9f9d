#include <climits>

#include "base/error.h"
#include "base/records.h"
#include "engine/decider.h"

namespace chrun {

Decision parse_decision(std::string bytes) {
  std::string_view plan = bytes;  // what follows the first record
  const Record record = take_record(plan, "the decision");
  const auto number = [&](size_t field) {
    return parse_number(record.fields.at(field), INT_MAX, "a number of the decision");
  };
  Decision decision;
  if (record.name == "status" && record.fields.size() == 1) {
    decision.status = static_cast<int>(number(0));
  } else if (record.name == "launch" && record.fields.size() == 2) {
    decision.command = number(0);
    decision.key_words = number(1);
    bytes.erase(0, bytes.size() - plan.size());
    decision.plan = std::move(bytes);
  } else if (record.name == "verb" && !record.fields.empty()) {
    decision.verb.assign(record.fields.begin(), record.fields.end());
  } else if (record.name == "failure" && record.fields.size() == 3) {
    throw Error(std::string(record.fields[1]), std::string(record.fields[2]), static_cast<Exit>(number(0)));
  } else {
    throw Error("the decision has a malformed " + std::string(record.name) + " record");
  }
  return decision;
}

}  // namespace chrun
