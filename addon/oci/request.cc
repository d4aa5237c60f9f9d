#include "oci/request.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace chrun::oci {
namespace {

struct Option {
  std::string_view verb;  // empty: of all
  std::string_view name;
  char letter;
  bool has_value;
};

/// Of src/oci/options.ts, where their help is.
constexpr Option kOptions[] = {
    {"", "root", 0, true},
    {"", "log", 0, true},
    {"", "log-format", 0, true},
    {"", "debug", 0, false},
    {"", "systemd-cgroup", 0, false},
    {"", "cgroup-manager", 0, true},
    {"kill", "all", 'a', false},
    {"kill", "regex", 'r', false},
    {"ps", "format", 'f', true},
    {"list", "format", 'f', true},
    {"list", "quiet", 'q', false},
    {"delete", "force", 'f', false},
    {"delete", "regex", 0, false},
    {"create", "bundle", 'b', true},
    {"create", "pid-file", 0, true},
    {"create", "console-socket", 0, true},
    {"create", "no-pivot", 0, false},
    {"create", "no-new-keyring", 0, false},
    {"create", "preserve-fds", 0, true},
    {"create", "no-subreaper", 0, false},
    {"run", "bundle", 'b', true},
    {"run", "pid-file", 0, true},
    {"run", "console-socket", 0, true},
    {"run", "no-pivot", 0, false},
    {"run", "no-new-keyring", 0, false},
    {"run", "preserve-fds", 0, true},
    {"run", "no-subreaper", 0, false},
    {"run", "detach", 'd', false},
    {"run", "keep", 0, false},
    {"exec", "process", 'p', true},
    {"exec", "tty", 't', false},
    {"exec", "user", 'u', true},
    {"exec", "additional-gids", 'g', true},
    {"exec", "cwd", 0, true},
    {"exec", "no-new-privs", 0, false},
    {"exec", "apparmor", 0, true},
    {"exec", "process-label", 0, true},
    {"exec", "pid-file", 0, true},
    {"exec", "console-socket", 0, true},
    {"exec", "preserve-fds", 0, true},
    {"exec", "no-subreaper", 0, false},
    {"exec", "detach", 'd', false},
};
/// The fewest and most operands.
struct Verb {
  std::string_view name;
  size_t fewest, most;
};
constexpr size_t kAny = ~size_t{0};
constexpr Verb kVerbs[] = {{"start", 1, 1}, {"state", 1, 1}, {"kill", 1, 2},  {"delete", 1, 1},
                           {"list", 0, 0},  {"ps", 1, 1},    {"pause", 1, 1}, {"resume", 1, 1}};
constexpr Verb kPlanned[] = {{"create", 1, 1}, {"run", 1, 1}, {"exec", 1, kAny}};

const Verb* find_verb(std::span<const Verb> verbs, std::string_view name) {
  const auto found = std::ranges::find(verbs, name, &Verb::name);
  return found == verbs.end() ? nullptr : &*found;
}

/// Takes the option that begins at `at`, and moves on; false if it is not known as one of `verb`.
bool take(Values& values, std::string_view verb, char* const*& at) {
  std::string_view word = *at;
  if (word == "--" || word.size() < 2) return false;
  // -name is --name, as in Go; letters that are joined are for the parser
  const bool long_name = word.size() > 2;
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  const size_t equals = std::min(word.find('='), word.size());
  const std::string_view name = word.substr(0, equals);
  for (const Option& option : kOptions) {
    if (!option.verb.empty() && option.verb != verb) continue;
    if (long_name ? name != option.name : name.size() != 1 || name[0] != option.letter) continue;
    std::string value = "true";
    if (option.has_value) {
      if (equals < word.size())
        value = word.substr(equals + 1);
      else if (*++at != nullptr)
        value = *at;
      else
        return false;
    } else if (equals < word.size()) {
      return false;
    }
    // what was given twice is for the parser to refuse
    if (!values.emplace(option.name, value).second) return false;
    at++;
    return true;
  }
  return false;
}

std::optional<Request> read(std::span<const Verb> verbs, char* const* words) {
  Request request;
  while (*words != nullptr && **words == '-') {
    if (!take(request.values, "", words)) return {};
  }
  const Verb* verb = *words == nullptr ? nullptr : find_verb(verbs, *words);
  if (verb == nullptr) return {};
  request.verb = *words++;
  while (*words != nullptr && **words == '-') {
    if (!take(request.values, request.verb, words)) return {};
  }
  for (; *words != nullptr; words++) {
    // `kill ID -9` is for the parser; after the id, exec has words of a command
    if (**words == '-' && (verb->most != kAny || request.operands.empty())) return {};
    request.operands.emplace_back(*words);
  }
  if (request.operands.size() < verb->fewest || request.operands.size() > verb->most) return {};
  return request;
}

}  // namespace

Values leading_options(char* const*& words) {
  Values values;
  while (*words != nullptr && **words == '-' && take(values, "", words)) continue;
  return values;
}

std::optional<Request> read_request(char* const* words) { return read(kVerbs, words); }

std::optional<Request> read_planned(char* const* words) { return read(kPlanned, words); }

std::string list_native_options() {
  std::string text;
  for (const Option& option : kOptions) {
    text += option.verb.empty() ? "" : std::string(option.verb) + " ";
    text += "--" + std::string(option.name) + (option.has_value ? " VALUE" : "") + "\n";
  }
  return text;
}

}  // namespace chrun::oci
