// One line in the system's log for a launch.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"

namespace chrun {

/// A line for syslog(3), made first and sent when its moment has come. Nothing here waits or throws: where nobody
/// listens, or not fast enough, the line is lost.
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
