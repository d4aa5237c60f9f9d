// A launch plan as the launcher sees it: read, checked, not yet run. docs/how-it-works.md says what a plan is.
#pragma once
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "launcher/log/log.h"

namespace chrun {

/// Changes whenever the meaning of a record changes; the CLI writes the same number (src/plan/encode.ts).
constexpr std::string_view kPlanFormat = "10";

struct Step {
  std::string_view kind;
  std::vector<std::string_view> fields;  // C strings, as Record::fields
};

struct Plan {
  std::string bytes;  // what the views below point into
  log::Style style;
  std::vector<std::string_view> warnings;
  std::vector<std::string_view> key;  // of a remembered plan: what it is found by (memo.h)
  std::vector<Step> facts;
  std::vector<Step> outside;        // run by the process that stays outside; without any there is none
  std::vector<Step> create;         // run once, by whoever creates the container
  std::vector<Step> enter;          // run by every process that ends up in it
  std::list<std::string> values{};  // what fill_in_values() found, where it is no word
  size_t end = 0;                   // where the end record begins in `bytes`
  size_t words = 0;                 // in all records before it

  Plan() = default;
  Plan(Plan&&) = delete;  // the views would point to the old bytes

  void reset();
};

/// Reads the plan in `file`, which `name` calls it. Refuses, by Error, a file that is not regular, is not
/// this user's, can be written by others, is larger than 64 MiB, truncated, or of another format.
void read_plan(Plan& plan, int file, const std::string& name);
/// The same, of bytes that this program made itself.
void parse_plan(Plan& plan, std::string bytes, const std::string& name);

}  // namespace chrun
