// Finds the values of config.json that are to be named. All other text is kept byte for byte, so two configurations
// with the same text after that differ in nothing else; whether it is JSON at all is found out when it is decided
// about.
#include <algorithm>

#include "base/error.h"
#include "base/json_string.h"
#include "containers/json.h"
#include "oci/names.h"

namespace chrun::oci {
namespace {

/// What a value must be like to be named: the rest of the plan must not depend on more than that.
enum class Form {
  text,        // not empty
  path,        // absolute: what follows the first slash is named
  assignment,  // NAME=VALUE: VALUE is named
  group,       // a path of a control group, or SLICE:PREFIX:NAME
  members,     // a map of strings
};

struct Rule {
  std::string_view place;
  Form form;
};
constexpr Rule kRules[] = {
    {"root.path", Form::path},          {"process.args[]", Form::text},          {"hostname", Form::text},
    {"annotations", Form::members},     {"process.env[]", Form::assignment},     {"mounts[].source", Form::path},
    {"linux.cgroupsPath", Form::group}, {"linux.namespaces[].path", Form::path},
};

/// Members of `annotations` that change what is done: they are not named.
constexpr std::string_view kMeaningful = "run.oci.";

/// Thrown where it is not certain what the text says.
struct Unclear {};

bool is_part(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, [](unsigned char letter) {
    return isalnum(letter) || letter == '_' || letter == '-' || letter == '.' || letter == '@';
  });
}

/// All parts of it, between separators.
bool are_parts(std::string_view text, char separator, bool may_be_empty) {
  for (;;) {
    const size_t end = std::min(text.find(separator), text.size());
    if (!is_part(text.substr(0, end)) && !(may_be_empty && end == 0)) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

class Reader {
 public:
  Reader(std::string_view text, Names& names) : text_(text), names_(names) {}

  NamedConfig read(Document document) {
    value(document == Document::config ? "" : "process");
    blanks();
    if (at_ != text_.size()) throw Unclear();
    return {out_.append(text_.substr(copied_)), root_};
  }

 private:
  void blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  char peek() {
    blanks();
    if (at_ == text_.size()) throw Unclear();
    return text_[at_];
  }

  bool take(char letter) {
    if (peek() != letter) return false;
    at_++;
    return true;
  }

  void expect(char letter) {
    if (!take(letter)) throw Unclear();
  }

  /// A string, with its quotes.
  std::string_view quoted() {
    const size_t start = at_;
    expect('"');
    for (;;) {
      at_ = text_.find_first_of("\"\\", at_);
      if (at_ == std::string_view::npos) throw Unclear();
      if (text_[at_] == '"') break;
      at_ += 2;
    }
    return text_.substr(start, ++at_ - start);
  }

  std::string decoded(std::string_view text) {
    const auto is_control = [](unsigned char letter) { return letter < ' '; };
    if (std::ranges::any_of(text, is_control)) throw Unclear();
    std::string meaning = Json::parse(text, "a string").text();
    if (meaning.find('\0') != std::string::npos || Names::are_in(meaning)) throw Unclear();
    return meaning;
  }

  void skip() {
    for (int depth = 0;;) {
      const char first = peek();
      if (first == '"')
        quoted();
      else if (first == '{' || first == '[')
        depth++, at_++;
      else if (first == '}' || first == ']')
        depth--, at_++;
      else if (first == ',' || first == ':')
        at_++;
      else
        at_ = std::min(text_.find_first_of(" \t\r\n,:\"{}[]", at_), text_.size());
      if (depth == 0) return;
      if (depth < 0) throw Unclear();
    }
  }

  static const Rule* rule_at(const std::string& place) {
    const auto found = std::ranges::find(kRules, place, &Rule::place);
    return found == std::end(kRules) ? nullptr : &*found;
  }

  static bool leads_on(const std::string& place) {
    return std::ranges::any_of(kRules, [&](const Rule& rule) {
      return rule.place.starts_with(place) && rule.place.size() > place.size() &&
             (place.empty() || rule.place[place.size()] == '.' || rule.place[place.size()] == '[');
    });
  }

  void value(const std::string& place) {
    const char first = peek();
    if (const Rule* rule = rule_at(place)) {
      if (first == '"' && rule->form != Form::members) return name(*rule);
      if (first == '{' && rule->form == Form::members) return members();
    } else if (leads_on(place)) {
      if (first == '{') return object(place);
      if (first == '[') return list(place + "[]");
    }
    skip();
  }

  void object(const std::string& place) {
    expect('{');
    if (take('}')) return;
    do {
      peek();
      const std::string key = decoded(quoted());
      expect(':');
      value(place.empty() ? key : place + "." + key);
    } while (take(','));
    expect('}');
  }

  void list(const std::string& place) {
    expect('[');
    if (take(']')) return;
    do value(place);
    while (take(','));
    expect(']');
  }

  void replace(size_t start, const std::string& text) {
    out_.append(text_.substr(copied_, start - copied_)) += text;
    copied_ = at_;
  }

  void name(const Rule& rule) {
    const size_t start = at_;
    const std::string meaning = decoded(quoted()), named = with_names(rule.form, meaning);
    if (&rule == kRules) root_ = meaning;
    if (named == meaning) return;
    std::string text;
    append_json_string(text, named);
    replace(start, text);
  }

  std::string with_names(Form form, const std::string& text) {
    if (form == Form::group) return group(text);
    const size_t kept = form == Form::path         ? (text.starts_with('/') ? 1 : text.size())
                        : form == Form::assignment ? std::min(text.find('='), text.size() - 1) + 1
                                                   : 0;
    // an empty name before `=` is refused later
    if (kept >= text.size() || text.starts_with('=')) return text;
    return text.substr(0, kept) + names_.add(text.substr(kept));
  }

  std::string group(const std::string& text) {
    const size_t kept = text.starts_with('/') ? 1 : 0;
    if (are_parts(std::string_view(text).substr(kept), '/', false))
      return text.substr(0, kept) + names_.add(text.substr(kept));
    if (!are_parts(text, ':', true) || std::ranges::count(text, ':') != 2 || text.ends_with(".slice")) return text;
    std::string named;
    for (size_t from = 0;;) {
      const size_t end = std::min(text.find(':', from), text.size());
      if (end > from) named += names_.add(text.substr(from, end - from));
      if (end == text.size()) return named;
      named += ':', from = end + 1;
    }
  }

  void members() {
    const size_t start = at_;
    std::string named, kept;
    std::vector<std::string> keys;
    expect('{');
    if (take('}')) return;
    do {
      peek();
      const auto key = quoted();
      expect(':');
      if (peek() != '"') throw Unclear();
      const auto text = quoted();
      keys.push_back(decoded(key));
      decoded(text);
      std::string& all = keys.back().starts_with(kMeaningful) ? kept : named;
      all += (all.empty() ? "" : ",") + std::string(key) + ":" + std::string(text);
    } while (take(','));
    expect('}');
    std::ranges::sort(keys);
    if (std::ranges::adjacent_find(keys) != keys.end()) throw Unclear();
    if (!named.empty()) kept += (kept.empty() ? "\"" : ",\"") + names_.add_members(named) + "\":\"\"";
    replace(start, "{" + kept + "}");
  }

  std::string_view text_;
  Names& names_;
  size_t at_ = 0, copied_ = 0;
  std::string out_{}, root_{};
};

}  // namespace

std::optional<NamedConfig> name_values(Document document, std::string_view text, Names& names) {
  if (Names::are_in(text)) return {};
  try {
    return Reader(text, names).read(document);
  } catch (const Unclear&) {
    return {};
  } catch (const Error&) {
    return {};
  }
}

}  // namespace chrun::oci
