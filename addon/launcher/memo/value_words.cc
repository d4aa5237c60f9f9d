#include "launcher/memo/value_words.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/records.h"

namespace chrun {
namespace {

constexpr std::string_view kVariables[] = {"CH_RUN_SET_ENV", "CH_RUN_SET_ENV0"};

/// Where NAME=VALUE begins in such a word; 0 in any other.
size_t assignment_in(std::string_view word) {
  if (!word.starts_with("--set-e")) return 0;
  const size_t name = word.find('=') + 1;
  const size_t equals = name == 0 ? std::string_view::npos : word.find('=', name);
  return equals == std::string_view::npos || equals == name ? 0 : name;
}

std::string_view take_item(std::string_view& rest) {
  const std::string_view item = rest.substr(0, rest.find(';'));
  rest.remove_prefix(std::min(item.size() + 1, rest.size()));
  return item;
}

Error missing(const Step& step) {
  return Error("the plan refers to " + std::string(step.fields[step.fields.size() - 2]) + ". value of " +
               std::string(step.fields[0]) + ", which is not there");
}

/// environment set-word INDEX expand|literal
std::string_view find_word(const Step& step, size_t index, char* const* words) {
  for (words += *words == nullptr ? 0 : 1; *words != nullptr; words++) {
    const std::string_view word = *words;
    if (const size_t start = assignment_in(word); start != 0 && index-- == 0) return word.substr(start);
  }
  throw missing(step);
}

/// environment set-variable NAME INDEX expand|literal; the item is kept in the plan, as a C string.
std::string_view find_item(Plan& plan, const Step& step, size_t index) {
  const std::string_view name = step.fields[1];
  const char* value = std::ranges::count(kVariables, name) == 0 ? nullptr : getenv(name.data());
  for (std::string_view rest(value == nullptr ? "" : value); !rest.empty();) {
    const std::string_view item = take_item(rest);
    if (item.find('=') != std::string_view::npos && index-- == 0) return plan.values.emplace_back(item);
  }
  throw missing(step);
}

}  // namespace

std::string_view without_value(std::string_view word) {
  const size_t start = assignment_in(word);
  return start == 0 ? word : word.substr(0, word.find('=', start) + 1);
}

std::string without_values(std::string_view entry) {
  const size_t equals = entry.find('=');
  if (std::ranges::count(kVariables, entry.substr(0, equals)) == 0) return std::string(entry);
  std::string kept(entry.substr(0, equals + 1));
  for (std::string_view rest = entry.substr(equals + 1); !rest.empty();) {
    const bool more = rest.find(';') != std::string_view::npos;
    const std::string_view item = take_item(rest);
    kept += item.substr(0, std::min(item.find('='), item.size() - 1) + 1);
    if (more) kept += ';';
  }
  return kept;
}

void fill_in_values(Plan& plan, char* const* words) {
  for (Step& step : plan.enter) {
    if (step.kind != "environment" || step.fields.size() < 3) continue;
    const bool word = step.fields[0] == "set-word" && step.fields.size() == 3;
    if (!word && !(step.fields[0] == "set-variable" && step.fields.size() == 4)) continue;
    const size_t index = parse_number(step.fields[step.fields.size() - 2], 1 << 20, "the number of a value");
    const std::string_view text = word ? find_word(step, index, words) : find_item(plan, step, index);
    step.fields = {"set", text, step.fields.back()};
  }
}

}  // namespace chrun
