#include "oci/names.h"

#include <cctype>

#include "base/error.h"
#include "base/json_string.h"
#include "base/records.h"

namespace chrun::oci {
namespace {

// src/oci/names.ts has it, too
constexpr std::string_view kBegin = "__named.", kEnd = "__";

std::string name_of(size_t number) { return std::string(kBegin) + std::to_string(number) + std::string(kEnd); }

/// The text between the quotes of a JSON string.
std::string json_inside(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

/// `\u0041` for a letter that needs none: a name could be hidden so.
bool has_hidden_letter(std::string_view text) {
  constexpr std::string_view kEscape = "\\u00";
  for (size_t at = text.find(kEscape); at != std::string_view::npos; at = text.find(kEscape, at + 1)) {
    if (at + 4 < text.size() && text[at + 4] >= '2' && text[at + 4] <= '7') {
      const int code = static_cast<int>(strtoul(std::string(text.substr(at + 4, 2)).c_str(), nullptr, 16));
      if (isalnum(code) || code == '_' || code == '.') return true;
    }
  }
  return false;
}

}  // namespace

bool Names::are_in(std::string_view text) {
  return text.find(kBegin) != std::string_view::npos || has_hidden_letter(text);
}

std::string Names::keep(Value value) {
  values_.push_back(std::move(value));
  return name_of(values_.size() - 1);
}

std::string Names::expand(std::string_view text, bool is_json) const {
  std::string expanded;
  for (;;) {
    const size_t at = text.find(kBegin);
    if (at == std::string_view::npos) return expanded.append(text);
    const size_t end = text.find(kEnd, at + kBegin.size());
    if (end == std::string_view::npos) throw Error("the plan has a name without an end");
    const auto number = text.substr(at + kBegin.size(), end - at - kBegin.size());
    const size_t which = parse_number(number, values_.size() - 1, "a name in the plan");
    const Value& value = values_[which];
    size_t from = at, to = end + kEnd.size();
    if (value.is_members) {
      // "NAME":""
      if (!is_json || at == 0 || text.substr(to, 4) != "\":\"\"") throw Error("the plan has a name in a wrong place");
      from--, to += 4;
    }
    expanded.append(text.substr(0, from)) += value.is_members || !is_json ? value.text : json_inside(value.text);
    text.remove_prefix(to);
  }
}

void Names::fill_in(Plan& plan) const {
  const auto fill = [&](std::string_view& text, bool is_json) {
    if (text.find(kBegin) != std::string_view::npos) text = plan.values.emplace_back(expand(text, is_json));
  };
  for (auto& warning : plan.warnings) fill(warning, false);
  for (auto* list : {&plan.outside, &plan.create, &plan.enter}) {
    for (Step& step : *list) {
      // what is saved of a container is JSON
      for (size_t i = 0; i < step.fields.size(); i++) fill(step.fields[i], step.kind == "container" && i == 2);
    }
  }
}

}  // namespace chrun::oci
