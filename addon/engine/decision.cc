#include <climits>

#include "base/error.h"
#include "base/records.h"
#include "engine/decider.h"

namespace chrun {

Decision parse_decision(std::string bytes) {
  // the first record alone: a plan, if one is there, follows it
  size_t at = 0;
  const auto take = [&]() -> std::string {
    const size_t end = bytes.find('\0', at);
    if (end == std::string::npos) throw Error("the decision is cut off");
    const std::string field = bytes.substr(at, end - at);
    at = end + 1;
    return field;
  };
  const auto number = [&] { return parse_number(take(), INT_MAX, "a number of the decision"); };
  Decision decision;
  const std::string name = take();
  number();  // of fields
  if (name == "status") {
    decision.status = static_cast<int>(number());
  } else {
    decision.command = number();
    decision.key_words = number();
    bytes.erase(0, at);
    decision.plan = std::move(bytes);
  }
  return decision;
}

}  // namespace chrun
