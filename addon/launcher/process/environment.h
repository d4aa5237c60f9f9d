// The environment of the command: bytes in, bytes out, in the order in which it was inherited.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace chrun {

class Environment {
 public:
  /// Takes over `variables`: NULL-terminated, as environ(7).
  explicit Environment(char* const* variables);

  std::optional<std::string_view> get(std::string_view name) const;
  void set(std::string_view name, std::string_view value);
  void unset(std::string_view name);
  /// Removes every variable whose name matches the extended glob (fnmatch(3) with FNM_EXTMATCH).
  void unset_matching(const std::string& glob);

  /// Carries out one `NAME=VALUE`: a pair of single quotes around VALUE is dropped; with `expand`, VALUE is a
  /// list separated by `:` in which `$NAME` stands for that variable, and vanishes with one colon if it is
  /// empty or unset. Throws Error that begins with `where` if there is no `=` or no name.
  void assign(std::string_view assignment, bool expand, const std::string& where);

  /// Carries out the assignments in `text`, one a line (or up to a NUL byte); empty lines do not count.
  void assign_all(std::string_view text, char delimiter, bool expand, const std::string& name);

  /// From now on, the names of what is assigned are collected; they become the value of this variable, each with a
  /// space after it. Only those that a shell can have.
  void name_assigned_in(std::string variable);

  /// Removes all, and adds these NAME=VALUE as they are.
  void replace(const std::vector<std::string_view>& entries);

  /// As execve(2) wants it; valid until the next change.
  std::vector<char*> pointers();

 private:
  void note(std::string_view name);
  std::string expand_list(std::string_view value) const;

  std::vector<std::string>::iterator find(std::string_view name) const;

  std::string named_in_{}, assigned_{};
  mutable std::vector<std::string> entries_;
  // where each name stands first, once there are many: a file can set tens of thousands
  mutable std::unordered_map<std::string, size_t> places_{};
};

}  // namespace chrun
