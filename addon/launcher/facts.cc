#include "launcher/facts.h"

#include <unistd.h>

#include "base/error.h"
#include "base/records.h"

namespace chrun {

void check_user(const Plan& plan) {
  for (const Step& fact : plan.facts) {
    if (fact.kind != "user" || fact.fields.size() != 2) continue;
    const auto uid = parse_number(fact.fields[0], ~0U, "a user id"),
               gid = parse_number(fact.fields[1], ~0U, "a group id");
    if (uid == geteuid() && gid == getegid()) return;
    throw Error("the plan was made for user " + std::to_string(uid) + " and group " + std::to_string(gid) +
                ", you are " + std::to_string(geteuid()) + " and " + std::to_string(getegid()));
  }
}

}  // namespace chrun
