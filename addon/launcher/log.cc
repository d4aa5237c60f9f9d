#include "launcher/log.h"

#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "launcher/hints.h"

namespace chrun::log {
namespace {

std::string program = "ch-run-ts";
int verbosity = 0;
std::string color = "auto";

enum class Tone { error, warning, hint, info };

const char* color_of(Tone tone) {
  switch (tone) {
    case Tone::error:
      return "\033[31m";
    case Tone::warning:
      return "\033[33m";
    case Tone::hint:
      return "\033[36m";
    case Tone::info:
      return "\033[2m";
  }
  return "";
}

/// Asked only when something is printed: a silent start needs no system call for it.
bool use_color() {
  if (color != "auto") return color == "always";
  const char* no_color = getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(STDERR_FILENO);
}

void print(Tone tone, const char* word, const std::string& message) {
  const bool colored = use_color();
  std::string line = program + "[" + std::to_string(getpid()) + "]: ";
  if (colored) line += color_of(tone);
  line += word;
  if (colored) line += "\033[0m";
  line += message + "\n";
  // one write, so that lines of many ranks do not mix; nobody to tell when it fails
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

double milliseconds_since_start() {
  static timespec start{};
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (start.tv_sec == 0) start = now;
  return static_cast<double>(now.tv_sec - start.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec - start.tv_nsec) / 1e6;
}

}  // namespace

void set_program(const char* argv0) {
  milliseconds_since_start();
  if (argv0 == nullptr || *argv0 == '\0') return;
  const char* slash = strrchr(argv0, '/');
  program = slash ? slash + 1 : argv0;
}

void set_style(int new_verbosity, std::string_view new_color) {
  verbosity = new_verbosity;
  color = new_color;
}

void error(const Error& failure) {
  if (failure.exit() == Exit::command && verbosity <= -3) return;
  print(Tone::error, "error: ", failure.what());
  const std::string hint = hint_for(failure);
  if (!hint.empty()) print(Tone::hint, "hint: ", hint);
}

void warning(const std::string& message) {
  if (verbosity > -2) print(Tone::warning, "warning: ", message);
}

bool is_verbose(int level) { return verbosity >= level; }

void verbose(int level, const std::string& message) {
  if (!is_verbose(level)) return;
  char time[32];
  snprintf(time, sizeof time, "%7.3f ms  ", milliseconds_since_start());
  print(Tone::info, "", time + message);
}

}  // namespace chrun::log
