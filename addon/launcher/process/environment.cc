#include "launcher/process/environment.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/error.h"

namespace chrun {
namespace {

constexpr size_t kMany = 256;

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

bool is_named(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
}

std::string_view strip_quotes(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '\'' && value.back() == '\'';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

Environment::Environment(char* const* variables) {
  for (; *variables != nullptr; variables++) entries_.emplace_back(*variables);
}

std::vector<std::string>::iterator Environment::find(std::string_view name) const {
  if (entries_.size() < kMany) {
    return std::ranges::find_if(entries_, [&](const std::string& entry) { return is_named(entry, name); });
  }
  if (places_.empty()) {
    for (size_t at = 0; at < entries_.size(); at++) places_.emplace(name_of(entries_[at]), at);
  }
  const auto place = places_.find(std::string(name));
  const bool found = place != places_.end() && is_named(entries_[place->second], name);
  return found ? entries_.begin() + static_cast<ptrdiff_t>(place->second) : entries_.end();
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
  const auto entry = find(name);
  if (entry == entries_.end()) return std::nullopt;
  return std::string_view(*entry).substr(name.size() + 1);
}

void Environment::set(std::string_view name, std::string_view value) {
  std::string entry = std::string(name) + "=" + std::string(value);
  if (const auto old = find(name); old != entries_.end()) {
    *old = std::move(entry);
    return;
  }
  if (!places_.empty()) places_.emplace(name, entries_.size());
  entries_.push_back(std::move(entry));
}

void Environment::unset(std::string_view name) {
  places_.clear();
  std::erase_if(entries_, [&](const std::string& entry) { return is_named(entry, name); });
}

void Environment::unset_matching(const std::string& glob) {
  places_.clear();
  std::erase_if(entries_, [&](const std::string& entry) {
    return fnmatch(glob.c_str(), std::string(name_of(entry)).c_str(), FNM_EXTMATCH) == 0;
  });
}

std::string Environment::expand_list(std::string_view value) const {
  std::string list;
  bool first = true;
  for (size_t start = 0; start <= value.size();) {
    const size_t end = std::min(value.find(':', start), value.size());
    std::string_view item = value.substr(start, end - start);
    start = end + 1;
    if (item.size() > 1 && item.front() == '$') {
      item = get(item.substr(1)).value_or("");
      if (item.empty()) continue;  // and with it goes the colon that would have come before or after it
    }
    if (!first) list += ':';
    first = false;
    list += item;
  }
  return list;
}

void Environment::assign(std::string_view assignment, bool expand, const std::string& where) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    throw Error(where + ": expected NAME=VALUE, got '" + std::string(assignment) + "'");
  }
  if (equals == 0) throw Error(where + ": the name before '=' is empty in '" + std::string(assignment) + "'");
  const std::string_view value = strip_quotes(assignment.substr(equals + 1));
  set(assignment.substr(0, equals), expand ? expand_list(value) : std::string(value));
  note(assignment.substr(0, equals));
}

void Environment::assign_all(std::string_view text, char delimiter, bool expand, const std::string& name) {
  for (size_t line = 1; !text.empty(); line++) {
    const size_t end = std::min(text.find(delimiter), text.size());
    const std::string_view assignment = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!assignment.empty()) assign(assignment, expand, name + ":" + std::to_string(line));
  }
}

void Environment::name_assigned_in(std::string variable) { named_in_ = std::move(variable); }

void Environment::note(std::string_view name) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  if (named_in_.empty() || kLetters.find(name.front()) == kLetters.npos) return;
  if (name.find_first_not_of(std::string(kLetters) + "0123456789") == name.npos) (assigned_ += name) += ' ';
}

void Environment::replace(const std::vector<std::string_view>& entries) {
  places_.clear();
  entries_.assign(entries.begin(), entries.end());
}

std::vector<char*> Environment::pointers() {
  if (!named_in_.empty()) set(named_in_, assigned_);
  std::vector<char*> pointers;
  pointers.reserve(entries_.size() + 1);
  for (auto& entry : entries_) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace chrun
