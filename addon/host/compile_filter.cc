#include "host/compile_filter.h"

#include "base/error.h"
#include "base/files.h"

#ifdef CH_RUN_SECCOMP
#include <seccomp.h>
#include <unistd.h>

#include <memory>

namespace chrun {
namespace {

constexpr size_t kLargestFilter = 1 << 20;

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

/// libseccomp returns a negative errno.
void check(int result, const std::string& action) {
  if (result < 0) throw Refused("libseccomp", -result).cannot(action);
}

Filter make_filter() {
  Filter filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) throw Error("can't create a seccomp filter: out of memory");
  // the default is to kill: x32, which we say nothing about, goes on as without a filter
  check(seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW), "create a seccomp filter");
#if defined(__x86_64__)
  check(seccomp_arch_add(filter.get(), SCMP_ARCH_X86), "add 32-bit calls to the seccomp filter");
#elif defined(__aarch64__)
  check(seccomp_arch_add(filter.get(), SCMP_ARCH_ARM), "add 32-bit calls to the seccomp filter");
#endif
#ifdef SCMP_FLTATR_CTL_OPTIMIZE
  // a binary tree in place of a list; libseccomp before 2.5 has none
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif
  return filter;
}

void add_rule(const Filter& filter, const FilterRule& rule) {
  const int call = seccomp_syscall_resolve_name(rule.call.c_str());
  if (call == __NR_SCMP_ERROR) throw Error("libseccomp does not know the system call " + rule.call);
  const std::string action = "add " + rule.call + " to the seccomp filter";
  // where an architecture lacks the call, libseccomp leaves the rule out for it
  if (!rule.argument) return check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(0), call, 0), action);
  const scmp_arg_cmp compare = SCMP_CMP64(*rule.argument, SCMP_CMP_MASKED_EQ, rule.mask, rule.value);
  check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ERRNO(0), call, 1, &compare), action);
}

}  // namespace

std::string seccomp_library_version() {
  const scmp_version* version = seccomp_version();
  return "libseccomp " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->micro);
}

std::string compile_filter(const std::vector<FilterRule>& rules) {
  const Filter filter = make_filter();
  for (const FilterRule& rule : rules) add_rule(filter, rule);
  return export_filter(filter.get());
}

std::string export_filter(void* filter) {
  const Fd file = memory_file("ch-run-ts-filter", {}, false);
  check(seccomp_export_bpf(filter, file.get()), "compile the seccomp filter");
  if (lseek(file.get(), 0, SEEK_SET) != 0) throw Refused("lseek").cannot("read the seccomp filter");
  return read_all(file.get(), "the seccomp filter", kLargestFilter);
}

}  // namespace chrun

#else

namespace chrun {

std::string compile_filter(const std::vector<FilterRule>&) { throw Error("built without libseccomp"); }

std::string seccomp_library_version() { return {}; }

}  // namespace chrun

#endif
