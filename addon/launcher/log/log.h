// What the launcher prints on standard error: `ch-run-ts[123]: error: …`, or with --log=json one object a line
// (src/run/options.ts has its keys, and src/host/messages.ts prints the same).
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace chrun::log {

struct Style {
  int verbosity = 0;  // -3 (-qqq) … 3 (-vvv)
  std::string color = "auto";
  bool json = false;
};

/// Takes errors and warnings in place of standard error.
class Sink {
 public:
  virtual void error(const Error& failure, const std::string& hint) = 0;
  virtual void warning(const std::string& message) = 0;
  /// All went well: what was held back is written.
  virtual void settle() {}

 protected:
  ~Sink() = default;
};
/// None by default. It must outlive all messages. Returns the one before.
Sink* set_sink(Sink* sink);
/// Before a process ends, or becomes the command.
void settle();

/// Before anything else: the start that times are counted from, the name for the prefix (the last component of argv[0],
/// so that a link named ch-run reads as ch-run), and whether --log=json is plainly among the words, or in CH_RUN_LOG.
/// The plan has it for sure; this is for what fails before there is one.
void begin(char* const* words);
void set_style(const Style& style);

void error(const Error& failure);
void warning(const std::string& message);
/// Printed from -v on; the time since the start is put in front.
void verbose(int level, const std::string& message);
/// Whether step() does anything: callers can save building the text.
bool follows_steps();
/// The step that begins: printed from -v on, and named in the messages of --log=json.
void step(std::string words);

}  // namespace chrun::log
