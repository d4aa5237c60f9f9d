#include "host/process_questions.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <cstdlib>

#include "base/child.h"
#include "base/error.h"
#include "base/expect_child.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/proc.h"
#include "base/records.h"
#include "host/compile_filter.h"
#include "host/compile_rules.h"
#include "host/version.h"

extern "C" char** environ;

namespace chrun {
namespace {

int to_descriptor(const std::string& word) { return static_cast<int>(parse_number(word, INT_MAX, "a descriptor")); }

void wait_for(int descriptor, short event) {
  struct pollfd wanted {
    descriptor, event, 0
  };
  poll(&wanted, 1, -1);
}

constexpr size_t kLargestOutput = 1 << 20;  // bytes

using Clock = std::chrono::steady_clock;

/// A pipe, above the standard streams: an end of it becomes one of these in the child.
void make_pipe(Fd& read_end, Fd& write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Refused("pipe2").cannot("make a pipe");
  Fd first(ends[0]), second(ends[1]);
  read_end = above_standard(std::move(first));
  write_end = above_standard(std::move(second));
}

/// What a program writes to standard output and to standard error.
class Outputs {
 public:
  Outputs() {
    for (size_t stream = 0; stream < 2; stream++) make_pipe(ours_[stream], theirs_[stream]);
  }
  ChildStreams streams() const { return {-1, theirs_[0].get(), theirs_[1].get()}; }
  /// Reads, in the parent, until both are closed. False if that takes longer than until `end`. Throws SysError.
  bool read(Clock::time_point end);
  const std::string& text(size_t stream) const { return texts_[stream]; }

 private:
  std::array<Fd, 2> ours_, theirs_;
  std::array<std::string, 2> texts_;
};

bool Outputs::read(Clock::time_point end) {
  for (Fd& each : theirs_) each.reset();
  while (ours_[0] || ours_[1]) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    struct pollfd wanted[] = {{ours_[0].get(), POLLIN, 0}, {ours_[1].get(), POLLIN, 0}};
    if (poll(wanted, 2, static_cast<int>(left)) < 0 && errno != EINTR) throw Refused("poll").cannot("hear a program");
    for (size_t stream = 0; stream < 2; stream++) {
      if (wanted[stream].revents == 0) continue;
      char buffer[4096];
      const ssize_t got = ::read(ours_[stream].get(), buffer, sizeof buffer);
      if (got > 0 && texts_[stream].size() < kLargestOutput)
        texts_[stream].append(buffer, static_cast<size_t>(got));
      else if (got == 0)
        ours_[stream].reset();
    }
  }
  return true;
}

}  // namespace

Words variable(const Words& arguments) {
  const char* value = getenv(arguments[0].c_str());
  if (value == nullptr) return {};
  return {value};
}

Words variables(const Words& arguments) {
  Words found;
  for (char** entry = environ; *entry != nullptr; entry++) {
    if (std::string_view(*entry).starts_with(arguments[0])) found.emplace_back(*entry);
  }
  return found;
}

Words identity(const Words&) {
  struct utsname system {};
  uname(&system);
  return {std::to_string(geteuid()), std::to_string(getegid()), std::to_string(getpid()), system.release};
}

Words login_name(const Words&) {
  const std::string name = door().login_name ? door().login_name(geteuid()) : "";
  if (name.empty()) return {};
  return {name};
}

Words write_out(const Words& arguments) {
  const int descriptor = to_descriptor(arguments[0]);
  const IgnoreSignal no_reader(SIGPIPE), no_room(SIGXFSZ);
  std::string_view bytes = arguments[1];
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
    } else if (errno == EAGAIN) {
      // no O_NONBLOCK of ours: it belongs to others who share the open file, too
      wait_for(descriptor, POLLOUT);
    } else if (errno != EINTR) {
      throw Refused("write").cannot("write");
    }
  }
  return {};
}

Words is_terminal(const Words& arguments) {
  if (isatty(to_descriptor(arguments[0]))) return {"yes"};
  return {};
}

/// Exit status, and signal.
Words ending_of(int status) {
  // as a shell has it: nobody takes it for success
  return {std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)),
          std::to_string(WIFSIGNALED(status) ? WTERMSIG(status) : 0)};
}

Words run_program(const Words& arguments) {
  const auto limit = parse_number(arguments[0], INT_MAX, "a time limit");
  const Words command(arguments.begin() + 1, arguments.end());
  const ExpectChild expect;
  Outputs outputs;
  Child child(command[0], command, environ, outputs.streams());
  if (!outputs.read(Clock::now() + std::chrono::milliseconds(limit)))
    throw Refused("poll", ETIMEDOUT).cannot("wait for " + arguments[1]);
  Words ending = ending_of(child.wait());
  ending.insert(ending.end(), {outputs.text(0), outputs.text(1)});
  return ending;
}

Words run_beside(const Words& arguments) {
  const ExpectChild expect;
  const int status = Child(arguments[0], arguments, environ, {-1, STDERR_FILENO, STDERR_FILENO}).wait();
  return ending_of(status);
}

Words filter(const Words& arguments) {
  std::vector<FilterRule> rules;
  const auto number = [](const std::string& word) {
    return static_cast<unsigned>(parse_number(word, UINT_MAX, "a number of a filter rule"));
  };
  for (size_t at = 0; at + 3 < arguments.size(); at += 4) {
    FilterRule rule{arguments[at]};
    if (!arguments[at + 1].empty()) {
      rule.argument = number(arguments[at + 1]);
      rule.mask = number(arguments[at + 2]);
      rule.value = number(arguments[at + 3]);
    }
    rules.push_back(rule);
  }
  return {compile_filter(rules)};
}

Words control_groups(const Words&) { return {text_of("/proc/self/cgroup"), group_mounts()}; }

Words architecture(const Words&) { return {architecture_name()}; }

Words rules(const Words& arguments) { return {compile_rules(arguments)}; }

Words features(const Words&) { return built_in_features(); }

Words version(const Words&) { return {version_text(door().engine)}; }

Words libraries(const Words&) {
  Words names;
  if (const std::string seccomp = seccomp_library_version(); !seccomp.empty()) names.push_back(seccomp);
  names.push_back(door().engine);
  return names;
}

}  // namespace chrun
