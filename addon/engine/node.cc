// Node as the engine: a child, which writes the decision into a file in memory. Nothing of what Node does to a process
// (limits, signals, descriptors) happens to this one, which becomes the user's command.
#ifndef CH_RUN_QUICKJS
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/files.h"
#include "base/own_path.h"
#include "engine/decider.h"

#ifndef CH_RUN_NODE
#define CH_RUN_NODE "node"
#endif

extern "C" char** environ;

namespace chrun {
namespace {

constexpr size_t kLargestDecision = 256 << 20;  // bytes; above the kernel's own limit on words and environment

/// What steers Node and its libraries is meant for the user's programs.
bool is_for_node(const char* variable) {
  for (const std::string_view name : {"NODE_", "LD_", "UV_", "OPENSSL_", "SSL_CERT_"})
    if (std::string_view(variable).starts_with(name)) return true;
  return false;
}

std::vector<char*> environment_for_node() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; entry++)
    if (!is_for_node(*entry)) kept.push_back(*entry);
  kept.push_back(nullptr);
  return kept;
}

/// Above the standard streams: where one of these is closed, its number must stay free.
Fd inherited_file() {
  const Fd file = memory_file("ch-run-ts-decision", {}, true);
  Fd moved(fcntl(file.get(), F_DUPFD, STDERR_FILENO + 1));
  if (!moved) throw Refused("fcntl").cannot("start the command-line interpreter");
  return moved;
}

/// Limits that are meant for the command: Node needs descriptors, threads and address space of its own.
void lift_limits() {
  for (const auto resource : {RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK}) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) continue;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(resource, &limit);
  }
}

/// What a script was ended by.
[[noreturn]] void refuse(const std::string& script, int status) {
  const std::string how = WIFSIGNALED(status) ? std::string("signal ") + strsignal(WTERMSIG(status))
                                              : "status " + std::to_string(WEXITSTATUS(status));
  throw Error("the command-line interpreter " + script + " ended by " + how,
              "its limits may be too low (ulimit -a); a build with the built-in engine needs less");
}

}  // namespace

Decision decide(char* const* words) {
  const std::string program = own_path(), script = own_installation().prefix + "/dist/cli.cjs";
  if (access(script.c_str(), R_OK) != 0) {
    throw Refused("access")
        .cannot("start the command-line interpreter " + script)
        .hinted("install ch-run-ts again, or build it with 'npm run build'");
  }
  const Fd file = inherited_file();
  std::string option = "--decide=" + std::to_string(file.get()) + ":" CH_RUN_PROGRAM;
  // our own path has no links: Node need not look for them in every folder on the way
  std::vector<std::string> first = {"node", "--preserve-symlinks", "--preserve-symlinks-main", script, option, program};
  std::vector<char*> arguments;
  for (std::string& word : first) arguments.push_back(word.data());
  for (; *words != nullptr; words++) arguments.push_back(*words);
  arguments.push_back(nullptr);
  const std::vector<char*> environment = environment_for_node();
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) throw Refused("pipe2").cannot("start the command-line interpreter");
  Fd told(report[0]), tell(report[1]);
  const ExpectChild expect;
  const pid_t parent = getpid(), child = fork();
  if (child < 0) throw Refused("fork").cannot("start the command-line interpreter");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    lift_limits();
    execve(CH_RUN_NODE, arguments.data(), environment.data());
    execvpe("node", arguments.data(), environment.data());
    const int code = errno;
    _exit(::write(tell.get(), &code, sizeof code) < 0 ? 1 : 2);
  }
  tell.reset();
  int code;
  const bool missing = ::read(told.get(), &code, sizeof code) == sizeof code;
  int status = 0;
  if (wait_for_child(child, &status) < 0) throw Refused("waitpid").cannot("wait for the command-line interpreter");
  if (missing) {
    throw Refused("execve", code)
        .cannot(std::string("start the command-line interpreter ") + CH_RUN_NODE)
        .hinted("install Node.js 20.19 or later, or launch a plan made elsewhere with --plan FILE");
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) throw Refused("lseek").cannot("read the decision");
  std::string decision = read_all(file.get(), "the decision", kLargestDecision);
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    Decision failed;  // the script has said why
    failed.status = WEXITSTATUS(status);
    return failed;
  }
  if (WIFSIGNALED(status) || decision.empty()) refuse(script, status);
  return parse_decision(std::move(decision));
}

std::string engine_name() { return "Node.js"; }

}  // namespace chrun
#endif
