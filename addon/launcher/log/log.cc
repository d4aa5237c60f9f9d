#include "launcher/log/log.h"

#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/json_string.h"
#include "base/text.h"
#include "launcher/log/leading_words.h"
#include "refusals/hints.h"

namespace chrun::log {
namespace {

std::string program = "ch-run-ts";
Style style;
Sink* sink = nullptr;
std::string present_step;  // kept for JSON only
long long start = 0;

enum class Level { error, warning, hint, info, step };

const char* name_of(Level level) {
  switch (level) {
    case Level::error:
      return "error";
    case Level::warning:
      return "warning";
    case Level::hint:
      return "hint";
    case Level::info:
      return "info";
    case Level::step:
      return "step";
  }
  return "";
}

const char* color_of(Level level) {
  switch (level) {
    case Level::error:
      return "\033[31m";
    case Level::warning:
      return "\033[33m";
    case Level::hint:
      return "\033[36m";
    case Level::info:
    case Level::step:
      return "\033[2m";
  }
  return "";
}

/// Asked only when something is printed: a silent start needs no system call for it.
bool use_color() {
  if (style.color != "auto") return style.color == "always";
  const char* no_color = getenv("NO_COLOR");
  const char* terminal = getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && (terminal == nullptr || strcmp(terminal, "dumb") != 0) &&
         isatty(STDERR_FILENO);
}

long long microseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

/// One write, so that lines of many ranks do not mix. There is nowhere to report a failure.
void write_line(std::string line) {
  line += '\n';
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

/// `word` is what stands before the message: `error:`, or a time.
void print_text(Level level, const std::string& word, const std::string& message) {
  const bool colored = use_color();
  std::string line = visible(program) + "[" + std::to_string(getpid()) + "]: ";
  if (colored) line += color_of(level);
  line += word;
  if (colored) line += "\033[0m";
  write_line(line + " " + visible(message));
}

/// A line of --log=json in the making.
class Object {
 public:
  Object(Level level, std::string_view message) {
    add("time", microseconds(CLOCK_REALTIME));
    add("program", program);
    add("pid", getpid());
    add("level", name_of(level));
    add("message", message);
  }
  void add(const char* key, std::string_view text) {
    begin(key);
    append_json_string(json_, text);
  }
  void add(const char* key, long long number) {
    begin(key);
    json_ += std::to_string(number);
  }
  void print() const { write_line(json_ + "}"); }

 private:
  void begin(const char* key) { ((json_ += json_.empty() ? "{\"" : ",\"") += key) += "\":"; }
  std::string json_;
};

void print_error_object(const Error& failure, const std::string& hint) {
  Object object(Level::error, failure.what());
  if (!hint.empty()) object.add("hint", hint);
  object.add("status", static_cast<int>(failure.exit()));
  if (const auto* refusal = dynamic_cast<const SysError*>(&failure)) {
    object.add("call", refusal->call());
    object.add("errno", refusal->code());
  }
  if (!present_step.empty()) object.add("step", present_step);
  object.print();
}

void tell(Level level, const std::string& message) {
  const long long elapsed = microseconds(CLOCK_MONOTONIC) - start;
  if (style.json) {
    Object object(level, message);
    object.add("elapsed", elapsed);
    return object.print();
  }
  char time[32];
  snprintf(time, sizeof time, "%7.3f ms ", static_cast<double>(elapsed) / 1e3);
  print_text(level, time, message);
}

bool asks_for_json(char* const* words) {
  const size_t count = count_leading_words(words);
  const char* variable = getenv("CH_RUN_LOG");
  bool asks = variable != nullptr && strcmp(variable, "json") == 0;
  for (size_t i = 0; i < count; i++) {
    const std::string_view word = words[i];
    if (word.starts_with("--log=")) asks = word == "--log=json";
    if (word == "--log" && words[i + 1] != nullptr) asks = std::string_view(words[i + 1]) == "json";
  }
  return asks;
}

void set_program(const char* argv0) {
  if (argv0 == nullptr || *argv0 == '\0') return;
  const char* slash = strrchr(argv0, '/');
  program = slash ? slash + 1 : argv0;
}

}  // namespace

void begin(char* const* words) {
  start = microseconds(CLOCK_MONOTONIC);
  set_program(*words);
  style.json = *words != nullptr && asks_for_json(words + 1);
}

void set_style(const Style& wanted) { style = wanted; }

Sink* set_sink(Sink* wanted) { return std::exchange(sink, wanted); }

void settle() {
  if (sink != nullptr) sink->settle();
}

void error(const Error& failure) {
  if (failure.exit() == Exit::command && style.verbosity <= -3) return;
  const std::string hint = hint_for(failure);
  if (sink != nullptr) return sink->error(failure, hint);
  if (style.json) return print_error_object(failure, hint);
  print_text(Level::error, "error:", failure.what());
  if (!hint.empty()) print_text(Level::hint, "hint:", hint);
}

void warning(const std::string& message) {
  if (sink != nullptr) return sink->warning(message);
  if (style.verbosity <= -2) return;
  if (!style.json) return print_text(Level::warning, "warning:", message);
  Object object(Level::warning, message);
  if (!present_step.empty()) object.add("step", present_step);
  object.print();
}

void verbose(int level, const std::string& message) {
  if (style.verbosity >= level) tell(Level::info, message);
}

bool follows_steps() { return style.json || style.verbosity >= 1; }

void step(std::string words) {
  if (style.verbosity >= 1) tell(Level::step, words);
  present_step = std::move(words);
}

}  // namespace chrun::log
