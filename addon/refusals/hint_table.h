// The table of refusals: which call fails with which error, for what reasons, and how to fix it. Hints, --doctor and
// docs/troubleshooting.md are all generated from it.
#pragma once
#include <span>

namespace chrun {

/// One reason for a refusal. In the texts {sysctl.name} is the value of that setting, {profile} this process's AppArmor
/// profile, {programs} the paths of our programs, {release} that of the kernel.
struct Reason {
  /// A heading for docs/troubleshooting.md.
  const char* title;
  /// Whether this reason applies, as far as this process can see; the last one of a refusal may apply by elimination.
  bool (*holds)();
  const char* cause;
  /// What the user can do; empty if nothing.
  const char* user;
  /// What the administrator can do: one line; empty if nothing.
  const char* administrator;
  /// The content of a file that the administrator's line mentions.
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
