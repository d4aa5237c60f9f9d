#include "oci/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_string.h"
#include "base/text.h"
#include "containers/report.h"

namespace chrun::oci {

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
  write("error", hint.empty() ? message : message + " (" + hint + ")");
}

void Log::warning(const std::string& message) {
  if (debug_) return write("warning", message);
  warnings_.push_back(message);
}

void Log::settle() {
  for (const std::string& message : warnings_) write("warning", message);
  warnings_.clear();
}

void Log::write(const char* level, const std::string& message) const {
  std::string line;
  if (json_) {
    line = "{\"msg\":";
    append_json_string(line, message);
    line += std::string(",\"level\":\"") + level + "\",\"time\":\"" + time_words() + "\"}\n";
  } else if (file_) {
    line = "time=\"" + time_words() + "\" level=" + level + " msg=";
    append_json_string(line, message);
    line += "\n";
  } else {
    line = "ch-oci-ts: " + std::string(level) + ": " + visible(message) + "\n";
  }
  // there is nowhere to report a failure
  if (::write(file_ ? file_.get() : STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace chrun::oci
