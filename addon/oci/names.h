// What always differs between two containers has a name in the plan, and is filled in when the plan is carried out: so
// a plan that was made for one container can be remembered for the next.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/plan/plan.h"

namespace chrun::oci {

/// Values, by their names: words of letters, digits, `_` and `.` only, which are valid wherever a value is put.
class Names {
 public:
  /// Whether a text could be mistaken for one with names.
  static bool are_in(std::string_view text);

  /// The name of a further value.
  std::string add(std::string value) { return keep({std::move(value), false}); }
  /// The same for members of a JSON object, as text: the name is the key of one member in place of them.
  std::string add_members(std::string members) { return keep({std::move(members), true}); }

  /// Puts the values in place of their names, in all steps and warnings.
  void fill_in(Plan& plan) const;

 private:
  struct Value {
    std::string text;
    bool is_members;
  };
  std::string keep(Value value);
  std::string expand(std::string_view text, bool is_json) const;

  std::vector<Value> values_{};
};

/// A configuration with names in it.
struct NamedConfig {
  std::string text;
  std::string root;  // root.path
};

/// What a text describes.
enum class Document { config, process };

/// config.json with names in place of its root, host name, control group, annotations, the sources of its binds, the
/// paths of namespaces, and of what must not be kept on disk: the arguments of its command and the values of its
/// environment. What else it says stays as it is written. Nothing if that can't be done safely: then the text is
/// decided about as a whole.
std::optional<NamedConfig> name_values(Document document, std::string_view text, Names& names);

}  // namespace chrun::oci
