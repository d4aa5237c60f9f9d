#include "host/compile_rules.h"

#include "base/error.h"

#ifdef CH_RUN_SECCOMP
#include <linux/filter.h>
#include <seccomp.h>

#include <algorithm>
#include <cstddef>
#include <map>
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
#ifdef SCMP_ACT_NOTIFY
    {"NOTIFY", SCMP_ACT_NOTIFY},
#endif
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

/// Of each architecture, the last system call that the filter names.
using LastCalls = std::map<uint32_t, int>;

void note_call(LastCalls& last, const std::string& name) {
  for (auto& [architecture, number] : last)
    number = std::max(number, seccomp_syscall_resolve_name_arch(architecture, name.c_str()));
}

/// A call that is newer than all that the filter knows is one that the kernel lacks, for programs that then do without:
/// a filter that allows what it names would refuse it by EPERM, which they take for a refusal.
std::string answer_newer_calls(const LastCalls& last) {
  constexpr unsigned kX32 = 0x40000000, kEnosys = 38;
  constexpr unsigned kNumber = offsetof(seccomp_data, nr), kArchitecture = offsetof(seccomp_data, arch);
  std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArchitecture)};
  for (const auto& [architecture, number] : last) {
    if (number < 0) continue;
    // of x86-64 and x32 the kernel has one name, and a bit in the number
    const bool x32 = architecture == SCMP_ARCH_X32;
    const sock_filter block[] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, x32 ? SCMP_ARCH_X86_64 : architecture, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, static_cast<unsigned char>(x32 ? 0 : 2),
                 static_cast<unsigned char>(x32 ? 2 : 0)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, static_cast<unsigned>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ERRNO(kEnosys)),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArchitecture),
    };
    program.insert(program.end(), std::begin(block), std::end(block));
  }
  return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)};
}

/// Whether it refuses what it does not name, with another error than that of a call that does not exist.
bool is_restrictive(uint32_t action) {
  constexpr uint32_t kAction = 0xffff0000, kEnosys = 38;
  const uint32_t kind = action & kAction;
  if (kind == (SCMP_ACT_ERRNO(0) & kAction)) return action != SCMP_ACT_ERRNO(kEnosys);
  return kind == SCMP_ACT_KILL || kind == SCMP_ACT_KILL_PROCESS || kind == SCMP_ACT_TRAP;
}

void add_rule(const Filter& filter, Reader& reader, uint32_t default_action, LastCalls& last) {
  const uint32_t action = to_action(reader.text());
  const auto comparisons = read_comparisons(reader);
  for (auto count = reader.number(); count > 0; count--) {
    const std::string& name = reader.text();
    note_call(last, name);
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
  LastCalls last{{seccomp_arch_native(), -1}};
  for (auto count = reader.number(); count > 0; count--) {
    const std::string& name = reader.text();
    const uint32_t architecture = seccomp_arch_resolve_name(name.c_str());
    if (architecture == 0) throw Error("unknown architecture " + name + " in the seccomp filter");
    last[architecture] = -1;
    const int result = seccomp_arch_add(filter.get(), architecture);
    if (result != -EEXIST) check(result, "add the architecture " + name + " to the seccomp filter");
  }
#ifdef SCMP_FLTATR_CTL_OPTIMIZE
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif
  while (!reader.ended()) add_rule(filter, reader, default_action, last);
  const std::string program = export_filter(filter.get());
  return is_restrictive(default_action) ? answer_newer_calls(last) + program : program;
}

}  // namespace chrun

#else

namespace chrun {

std::string compile_rules(const std::vector<std::string>&) { throw Error("built without libseccomp"); }

}  // namespace chrun

#endif
