// What ch-oci-ts says, in the form that the callers of OCI runtimes read: --log, --log-format, --debug.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "launcher/log/log.h"

namespace chrun::oci {

class Log final : public log::Sink {
 public:
  /// Where messages go: a file, to which they are added, or standard error if it is empty. Errors are also written
  /// there in either case. Throws SysError.
  void open(const std::string& path);
  void set_json(bool json) { json_ = json; }
  void set_debug(bool debug) { debug_ = debug; }
  bool is_debugging() const { return debug_; }

  /// One line. Callers parse a whole log as one object: warnings before an error are left out of a JSON log.
  void error(const Error& failure, const std::string& hint) override;
  /// Held back until settle(), or an error; with --debug written at once.
  void warning(const std::string& message) override;
  void settle() override;
  /// Written with --debug only.
  void debug(const std::string& message) const {
    if (debug_) write("debug", message);
  }

 private:
  std::string to_line(std::string_view level, const std::string& message) const;
  void write(std::string_view level, const std::string& message) const;

  std::vector<std::string> warnings_;
  Fd file_;
  bool json_ = false, debug_ = false;
};

}  // namespace chrun::oci
