#include "host/compile_rules.h"

#include "base/error.h"

#ifdef CH_RUN_SECCOMP
#include <seccomp.h>

#include <memory>

#include "base/records.h"
#include "host/compile_filter.h"

namespace chrun {
namespace {

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

void check(int result, const std::string& action) {
  if (result < 0) throw Refused("libseccomp", -result).cannot(action);
}

struct Named {
  std::string_view name;
  uint32_t value;
};

template <size_t Size>
uint32_t value_of(const Named (&table)[Size], std::string_view name, const char* what) {
  for (const Named& row : table) {
    if (row.name == name) return row.value;
  }
  throw Error("unknown " + std::string(what) + " " + std::string(name) + " in the seccomp filter");
}

constexpr Named kActions[] = {
    {"ALLOW", SCMP_ACT_ALLOW},
    {"LOG", SCMP_ACT_LOG},
    {"KILL", SCMP_ACT_KILL},
    {"KILL_THREAD", SCMP_ACT_KILL},
    {"KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    {"TRAP", SCMP_ACT_TRAP},
};
constexpr Named kOperators[] = {
    {"NE", SCMP_CMP_NE},
    {"LT", SCMP_CMP_LT},
    {"LE", SCMP_CMP_LE},
    {"EQ", SCMP_CMP_EQ},
    {"GE", SCMP_CMP_GE},
    {"GT", SCMP_CMP_GT},
    {"MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

uint32_t to_action(const std::string& words) {
  const size_t blank = words.find(' ');
  const std::string name = words.substr(0, blank);
  const auto number = static_cast<uint16_t>(parse_number(words.substr(blank + 1), 0xffff, "the number of an action"));
  if (name == "ERRNO") return SCMP_ACT_ERRNO(number);
  if (name == "TRACE") return SCMP_ACT_TRACE(number);
  return value_of(kActions, name, "action");
}

/// The words, one after the other.
class Reader {
 public:
  explicit Reader(const std::vector<std::string>& words) : words_(words) {}
  bool ended() const { return at_ >= words_.size(); }
  const std::string& text() {
    if (ended()) throw Error("the words of the seccomp filter end too early");
    return words_[at_++];
  }
  unsigned long long number() { return parse_number(text(), ~0ULL, "a number of the seccomp filter"); }

 private:
  const std::vector<std::string>& words_;
  size_t at_ = 0;
};

std::vector<scmp_arg_cmp> read_comparisons(Reader& reader) {
  std::vector<scmp_arg_cmp> all;
  for (auto count = reader.number(); count > 0; count--) {
    scmp_arg_cmp each{};
    each.arg = static_cast<unsigned>(reader.number());
    each.op = static_cast<scmp_compare>(value_of(kOperators, reader.text(), "operator"));
    each.datum_a = reader.number();
    each.datum_b = reader.number();
    all.push_back(each);
  }
  return all;
}

/// Comparisons of one argument are alternatives to libseccomp only as rules of their own.
bool is_repeated(const std::vector<scmp_arg_cmp>& comparisons) {
  unsigned seen = 0;
  for (const auto& each : comparisons) {
    if (seen & 1U << each.arg) return true;
    seen |= 1U << each.arg;
  }
  return false;
}

void add_call(const Filter& filter, uint32_t action, int call, const std::vector<scmp_arg_cmp>& comparisons,
              const std::string& name) {
  const std::string what = "add " + name + " to the seccomp filter";
  const auto add = [&](unsigned count, const scmp_arg_cmp* first) {
    const int result = seccomp_rule_add_array(filter.get(), action, call, count, first);
    // an architecture may lack the call
    if (result != -EEXIST) check(result, what);
  };
  if (!is_repeated(comparisons)) return add(static_cast<unsigned>(comparisons.size()), comparisons.data());
  for (const auto& each : comparisons) add(1, &each);
}

void add_rule(const Filter& filter, Reader& reader, uint32_t default_action) {
  const uint32_t action = to_action(reader.text());
  const auto comparisons = read_comparisons(reader);
  for (auto count = reader.number(); count > 0; count--) {
    const std::string& name = reader.text();
    const int call = seccomp_syscall_resolve_name(name.c_str());
    // what is done anyway needs no rule: libseccomp refuses one
    if (call != __NR_SCMP_ERROR && action != default_action) add_call(filter, action, call, comparisons, name);
  }
}

}  // namespace

std::string compile_rules(const std::vector<std::string>& words) {
  Reader reader(words);
  const uint32_t default_action = to_action(reader.text());
  const Filter filter(seccomp_init(default_action), seccomp_release);
  if (!filter) throw Error("can't create a seccomp filter: out of memory");
  for (auto count = reader.number(); count > 0; count--) {
    const std::string& name = reader.text();
    const uint32_t architecture = seccomp_arch_resolve_name(name.c_str());
    if (architecture == 0) throw Error("unknown architecture " + name + " in the seccomp filter");
    const int result = seccomp_arch_add(filter.get(), architecture);
    if (result != -EEXIST) check(result, "add the architecture " + name + " to the seccomp filter");
  }
#ifdef SCMP_FLTATR_CTL_OPTIMIZE
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif
  while (!reader.ended()) add_rule(filter, reader, default_action);
  return export_filter(filter.get());
}

}  // namespace chrun

#else

namespace chrun {

std::string compile_rules(const std::vector<std::string>&) { throw Error("built without libseccomp"); }

}  // namespace chrun

#endif
