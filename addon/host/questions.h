// The kernel queries of the planning TypeScript: one implementation for both interfaces, the addon for Node (node/) and
// the built-in engine (engine/). src/host/native.ts describes the queries.
#pragma once
#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chrun {

/// Arguments of a question, or its answer: bytes, as the kernel has them.
using Words = std::vector<std::string>;

/// Answers a query. Throws SysError for a system error, Error for an unknown query.
Words answer(std::string_view question, const Words& arguments);

/// A query, by its name.
struct Question {
  std::string_view name;
  size_t arguments;  // at least
  Words (*answer)(const Words&);
};

/// What only a door knows.
struct Door {
  std::string engine;                  // its name and version
  std::string (*login_name)(uid_t){};  // empty where the host knows none
  std::span<const Question> more{};    // that only this program answers
};
void open_door(Door door);
const Door& door();

}  // namespace chrun
