// Node as the engine: a child, which asks this process through a socket. Nothing of what Node does to a process
// (limits, signals, descriptors) happens to this one, which becomes the user's command.
#ifndef CH_RUN_QUICKJS
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/files.h"
#include "base/own_path.h"
#include "engine/decider.h"
#include "engine/node_questions.h"

#ifndef CH_RUN_NODE
#define CH_RUN_NODE "node"
#endif

extern "C" char** environ;

namespace chrun {
namespace {

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

/// Our end and that of Node. Both are above the standard streams: where one of these is closed, its number must stay
/// free.
struct Ends {
  Fd ours, inherited;
};

Ends make_ends() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    throw Refused("socketpair").cannot("start the command-line interpreter");
  Fd ours(pair[0]);
  const Fd other(pair[1]);
  Ends ends{above_standard(std::move(ours)), Fd(fcntl(other.get(), F_DUPFD, STDERR_FILENO + 1))};
  if (!ends.inherited) throw Refused("fcntl").cannot("start the command-line interpreter");
  return ends;
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

/// In the child: becomes Node, or says through `tell` why it can't.
[[noreturn]] void become_node(std::vector<std::string> words, const Fd& tell) {
  std::vector<char*> arguments, environment = environment_for_node();
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  lift_limits();
  execve(CH_RUN_NODE, arguments.data(), environment.data());
  execvpe("node", arguments.data(), environment.data());
  const int code = errno;
  _exit(::write(tell.get(), &code, sizeof code) < 0 ? 1 : 2);
}

int wait_for_node(pid_t child) {
  int status = 0;
  if (wait_for_child(child, &status) < 0) throw Refused("waitpid").cannot("wait for the command-line interpreter");
  return status;
}

pid_t start_node(std::vector<std::string> words) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) throw Refused("pipe2").cannot("start the command-line interpreter");
  const Fd told(report[0]);
  Fd tell(report[1]);
  const pid_t parent = getpid(), child = fork();
  if (child < 0) throw Refused("fork").cannot("start the command-line interpreter");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    become_node(std::move(words), tell);
  }
  tell.reset();
  int code;
  if (::read(told.get(), &code, sizeof code) != sizeof code) return child;
  wait_for_node(child);
  throw Refused("execve", code)
      .cannot(std::string("start the command-line interpreter ") + CH_RUN_NODE)
      .hinted("install Node.js 20.19 or later, or launch a plan made elsewhere with --plan FILE");
}

}  // namespace

Decision decide(char* const* words) {
  const std::string script = own_installation().prefix + "/dist/cli.cjs";
  if (access(script.c_str(), R_OK) != 0) {
    throw Refused("access")
        .cannot("start the command-line interpreter " + script)
        .hinted("install ch-run-ts again, or build it with 'npm run build'");
  }
  Words command_line = {own_path()};
  for (; *words != nullptr; words++) command_line.emplace_back(*words);
  Ends ends = make_ends();
  const std::string option = "--decide=" + std::to_string(ends.inherited.get()) + ":" + kProgram;
  const ExpectChild expect;
  // our own path has no links: Node need not look for them in every folder on the way
  const pid_t child = start_node({"node", "--preserve-symlinks", "--preserve-symlinks-main", script, option});
  ends.inherited.reset();
  std::string decision = answer_node(ends.ours.get(), command_line);
  const int status = wait_for_node(child);
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
