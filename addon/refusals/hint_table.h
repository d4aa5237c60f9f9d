// The table of refusals: which call fails how, for what reasons, and what helps. Hints, --doctor and
// docs/troubleshooting.md are all made from it.
#pragma once
#include <span>

namespace chrun {

/// One reason for a refusal. In the texts {sysctl.name} is the value of that setting, {profile} this process's AppArmor
/// profile, {programs} the paths of our programs, {release} that of the kernel.
struct Reason {
  /// A heading for docs/troubleshooting.md.
  const char* title;
  /// Whether it is this one, as far as this process can see; the last reason of a refusal may be the one that is left.
  bool (*holds)();
  const char* cause;
  /// What the user can do; empty for nothing.
  const char* user;
  /// What the administrator can do: one line; empty for nothing.
  const char* administrator;
  /// The content of a file that the administrator's line speaks of.
  const char* file = "";
};

/// A refusal: `call` failed with errno `code`; where the call alone is too common, `subject` is what it was refused for
/// (SysError::about()).
struct Refusal {
  const char* call;
  int code;
  std::span<const Reason> reasons;
  const char* subject = "";
};

std::span<const Refusal> refusals();

}  // namespace chrun
