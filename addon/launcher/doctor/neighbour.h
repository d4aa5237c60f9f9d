// A process in namespaces of its own, for checks that need another one.
#pragma once
#include <sys/types.h>

#include <string>

namespace chrun {

/// A child that has done `begin` and waits; ends with this object. Throws SysError where `begin` was refused.
class Neighbour {
 public:
  explicit Neighbour(void (*begin)(), const char* action);
  ~Neighbour();
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;
  pid_t pid() const { return pid_; }
  std::string directory() const { return "/proc/" + std::to_string(pid_); }

 private:
  pid_t pid_ = -1;
};

}  // namespace chrun
