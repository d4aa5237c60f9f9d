// Command lines that need no decision: read without the engine.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace chrun::oci {

/// Options by their long name; a flag has the value "true".
using Values = std::map<std::string, std::string, std::less<>>;

struct Request {
  Values values;
  std::string verb;
  std::vector<std::string> operands;
};

/// The options before the command, as far as they are known: where errors go must be known before all is parsed. Moves
/// on to what follows them, the command if there is one.
Values leading_options(char* const*& words);

/// A command line of a native verb whose every word is understood; nothing for any other, which the TypeScript parses
/// by its table of options, and refuses or explains.
std::optional<Request> read_request(char* const* words);

/// The same for create, run and exec, whose plan may be remembered.
std::optional<Request> read_planned(char* const* words);

/// The options that read_request() knows, one a line: `[VERB] --NAME [VALUE]`. A test compares them with that table.
std::string list_native_options();

}  // namespace chrun::oci
