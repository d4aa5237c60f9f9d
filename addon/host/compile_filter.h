// Filters of system calls, compiled by libseccomp for the CLI, which puts them in plans; the launcher installs them.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace chrun {

/// A system call that is to do nothing and succeed.
struct FilterRule {
  std::string call;                    // its name, which some architectures may lack
  std::optional<unsigned> argument{};  // the position from 0 of an argument that must be so:
  unsigned mask = 0, value = 0;        // argument & mask == value
};

/// A BPF program (an array of sock_filter) that fakes success of the calls in `rules`, for this machine's architecture
/// and its 32-bit one, and allows everything else. Throws Error, also where this was built without libseccomp.
std::string compile_filter(const std::vector<FilterRule>& rules);

/// The BPF program of a filter of libseccomp. Throws SysError.
std::string export_filter(void* filter);

/// The linked libseccomp with its version; empty where this was built without.
std::string seccomp_library_version();

}  // namespace chrun
