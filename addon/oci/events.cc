#include "oci/events.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json_string.h"
#include "base/proc.h"
#include "base/system_calls.h"

namespace chrun::oci {
namespace {

using Number = unsigned long long;

/// A file of the group that has the controller; the version decides about its name.
class Reader {
 public:
  explicit Reader(const Groups& groups) : groups_(groups) {}

  /// Empty where there is no such file.
  std::string text(std::string_view controller, const std::string& first, const std::string& second) const {
    for (const Group& group : groups_) {
      if (group.has(controller) && !first.empty()) return text_of(group.file(first));
    }
    const auto unified = std::ranges::find_if(groups_, &Group::is_unified);
    return unified == groups_.end() || second.empty() ? "" : text_of(unified->file(second));
  }
  /// No limit is the largest number.
  Number number(std::string_view controller, const std::string& first, const std::string& second) const {
    const std::string found = text(controller, first, second);
    return found.starts_with("max") ? ~Number{0} : strtoull(found.c_str(), nullptr, 10);
  }

 private:
  const Groups& groups_;
};

/// The number after a word at the beginning of a line: `user 12`; 0 if there is none.
Number entry(const std::string& text, const std::string& key) {
  const std::string all = "\n" + text, word = "\n" + key + " ";
  const size_t found = all.find(word);
  return found == std::string::npos ? 0 : strtoull(all.c_str() + found + word.size(), nullptr, 10);
}

std::string member(const std::string& key, const std::string& value) { return "\"" + key + "\":" + value; }
std::string member(const std::string& key, Number value) { return member(key, std::to_string(value)); }

template <typename... Parts>
std::string object(const Parts&... parts) {
  std::string all;
  ((all += (all.empty() ? "" : ",") + parts), ...);
  return "{" + all + "}";
}

std::string cpu_stats(const Reader& reader) {
  constexpr Number kNanoseconds = 1000;
  const std::string stat = reader.text("cpu", "cpu.stat", "cpu.stat");
  const std::string times = reader.text("cpuacct", "cpuacct.stat", "");
  const std::string usage = reader.text("cpuacct", "cpuacct.usage", "");
  const Number tick = 1'000'000'000 / static_cast<Number>(sysconf(_SC_CLK_TCK));
  const bool first = !usage.empty();
  const Number total = first ? strtoull(usage.c_str(), nullptr, 10) : entry(stat, "usage_usec") * kNanoseconds;
  const Number user = first ? entry(times, "user") * tick : entry(stat, "user_usec") * kNanoseconds;
  const Number system = first ? entry(times, "system") * tick : entry(stat, "system_usec") * kNanoseconds;
  const Number throttled = first ? entry(stat, "throttled_time") : entry(stat, "throttled_usec") * kNanoseconds;
  return object(member("usage", object(member("total", total), member("kernel", system), member("user", user))),
                member("throttling", object(member("periods", entry(stat, "nr_periods")),
                                            member("throttledPeriods", entry(stat, "nr_throttled")),
                                            member("throttledTime", throttled))));
}

std::string raw_stats(const std::string& text) {
  std::istringstream lines(text);
  std::string all, key;
  for (Number value; lines >> key >> value;) all += (all.empty() ? "" : ",") + member(key, value);
  return "{" + all + "}";
}

std::string memory_stats(const Reader& reader) {
  const std::string stat = reader.text("memory", "memory.stat", "memory.stat");
  const std::string events = reader.text("memory", "", "memory.events");
  const auto usage = [&](const std::string& first, const std::string& second) {
    return object(
        member("limit", reader.number("memory", first + "limit_in_bytes", second + "max")),
        member("usage", reader.number("memory", first + "usage_in_bytes", second + "current")),
        member("max", reader.number("memory", first + "max_usage_in_bytes", second + "peak")),
        member("failcnt", events.empty() ? reader.number("memory", first + "failcnt", "") : entry(events, "max")));
  };
  return object(member("cache", std::max(entry(stat, "cache"), entry(stat, "file"))),
                member("usage", usage("memory.", "memory.")), member("swap", usage("memory.memsw.", "memory.swap.")),
                member("raw", raw_stats(stat)));
}

void print(const std::string& line) { write_all(STDOUT_FILENO, line + "\n", "standard output"); }

std::string event(const char* type, const Container& container, const std::string& data) {
  std::string line = std::string("{\"type\":\"") + type + "\",\"id\":";
  append_json_string(line, container.id());
  return line + (data.empty() ? "" : "," + member("data", data)) + "}";
}

}  // namespace

std::string stats_of(const Container& container) {
  const Groups groups = container.groups();
  if (groups.empty()) throw Error("container " + container.id() + " has no control group: nothing is counted");
  const Reader reader(groups);
  const Number pids = reader.number("pids", "pids.max", "pids.max");
  return event("stats", container,
               object(member("cpu", cpu_stats(reader)), member("memory", memory_stats(reader)),
                      member("pids", object(member("current", reader.number("pids", "pids.current", "pids.current")),
                                            member("limit", pids == ~Number{0} ? 0 : pids)))));
}

void follow_events(const Container& container, int interval) {
  constexpr int kStep = 200;  // of no version does every kernel wake who waits for this
  const Groups groups = container.groups();
  print(stats_of(container));
  const ProcessId first = Container::process(container.state());
  const Fd handle(static_cast<int>(syscall(kPidfdOpen, first.pid, 0)));
  Number seen = memory_kills(groups);
  for (int waited = 0; is_alive(first);) {
    pollfd ending{handle.get(), POLLIN, 0};
    poll(&ending, 1, std::min(kStep, interval));
    if (const Number now = memory_kills(groups); now > seen) seen = now, print(event("oom", container, ""));
    waited += std::min(kStep, interval);
    if (waited >= interval && is_alive(first)) waited = 0, print(stats_of(container));
  }
}

}  // namespace chrun::oci
