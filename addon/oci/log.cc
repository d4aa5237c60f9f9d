#include "oci/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_string.h"
#include "base/text.h"
#include "containers/report.h"

namespace chrun::oci {
namespace {

constexpr std::string_view kError = "error";

/// There is nowhere to report a failure.
void put(int descriptor, const std::string& line) {
  if (::write(descriptor, line.data(), line.size()) < 0) return;
}

}  // namespace

void Log::open(const std::string& path) {
  file_.reset();
  if (path.empty()) return;
  file_ = above_standard(Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)));
  if (!file_) throw Refused("open").cannot("write to the log " + path);
}

void Log::error(const Error& failure, const std::string& hint) {
  if (!json_) settle();
  warnings_.clear();
  std::string message = failure.what();
  // podman knows by these words what exit status its own caller wants
  if (message.ends_with("command not found")) message += ": executable file not found in $PATH";
  write(kError, hint.empty() ? message : message + " (" + hint + ")");
}

void Log::warning(const std::string& message) {
  if (debug_) return write("warning", message);
  warnings_.push_back(message);
}

void Log::settle() {
  for (const std::string& message : warnings_) write("warning", message);
  warnings_.clear();
}

std::string Log::to_line(std::string_view level, const std::string& message) const {
  std::string line = json_ ? "{\"msg\":" : "time=\"" + time_words() + "\" level=" + std::string(level) + " msg=";
  append_json_string(line, message);
  if (json_) line += ",\"level\":\"" + std::string(level) + "\",\"time\":\"" + time_words() + "\"}";
  return line + "\n";
}

void Log::write(std::string_view level, const std::string& message) const {
  const std::string plain = "ch-oci-ts: " + std::string(level) + ": " + visible(message) + "\n";
  if (file_) {
    put(file_.get(), to_line(level, message));
    // containerd looks for words of an error on standard error, where runc and crun repeat them
    if (level == kError) put(STDERR_FILENO, plain);
  } else {
    put(STDERR_FILENO, json_ ? to_line(level, message) : plain);
  }
}

}  // namespace chrun::oci
