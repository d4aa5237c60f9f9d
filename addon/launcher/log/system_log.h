// One line in the system log for a launch.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"

namespace chrun {

/// A line for syslog(3), built first and sent later. Nothing here waits or throws: if nobody listens, or not fast
/// enough, the line is lost.
class SystemLog {
 public:
  using Word = std::pair<std::string_view, std::string_view>;
  /// `launch NAME=VALUE …`; a value that would not be one word is written as a JSON string, so that no image name can
  /// forge a line.
  explicit SystemLog(std::initializer_list<Word> words);
  void send() const;

 private:
  Fd socket_;
  std::string line_;
};

}  // namespace chrun
