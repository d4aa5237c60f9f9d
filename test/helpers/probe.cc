// The program that tests run inside and outside of containers. `probe report` prints what a process can find out
// about itself, as JSON; `probe with SETTING… -- COMMAND` changes the process first; the rest ends in a chosen way.
// Bytes are printed as Latin-1, so that none is lost: a byte 0xE9 becomes \u00e9.
#include <dirent.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

extern "C" char** environ;

namespace {

using std::string;

string quote(std::string_view bytes) {
  string text = "\"";
  for (const unsigned char byte : bytes) {
    char escaped[8];
    snprintf(escaped, sizeof escaped, byte < 32 || byte > 126 || byte == '"' || byte == '\\' ? "\\u%04x" : "%c", byte);
    text += escaped;
  }
  return text + "\"";
}

string read_file(const char* path) {
  string text;
  char buffer[4096];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  for (ssize_t got; file >= 0 && (got = read(file, buffer, sizeof buffer)) > 0;) text.append(buffer, got);
  if (file >= 0) close(file);
  return text;
}

string list(char* const* words) {
  string text;
  for (; *words; words++) text += (text.empty() ? "" : ",") + quote(*words);
  return "[" + text + "]";
}

string lines(const char* path) {
  string text, rest = read_file(path);
  for (size_t at = 0, end; (end = rest.find('\n', at)) != string::npos; at = end + 1)
    text += (text.empty() ? "" : ",") + quote(rest.substr(at, end - at));
  return "[" + text + "]";
}

string limits() {
  string text;
  for (int i = 0; i < static_cast<int>(RLIM_NLIMITS); i++) {
    struct rlimit limit {};
    getrlimit(static_cast<__rlimit_resource>(i), &limit);
    text += (i ? ",\"" : "\"") + std::to_string(limit.rlim_cur) + ":" + std::to_string(limit.rlim_max) + "\"";
  }
  return "[" + text + "]";
}

/// Each open descriptor: its target, the flags of the open file, and those of the descriptor.
string descriptors() {
  string text;
  std::vector<int> numbers;
  DIR* directory = opendir("/proc/self/fd");
  while (const dirent* entry = directory ? readdir(directory) : nullptr)
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory)) numbers.push_back(atoi(entry->d_name));
  if (directory) closedir(directory);
  std::sort(numbers.begin(), numbers.end());
  for (const int number : numbers) {
    char target[4096] = {};
    if (readlink(("/proc/self/fd/" + std::to_string(number)).c_str(), target, sizeof target - 1) < 0) continue;
    text += (text.empty() ? "\"" : ",\"") + std::to_string(number) + "\":{\"target\":" + quote(target) +
            ",\"flags\":" + std::to_string(fcntl(number, F_GETFL)) +
            ",\"closeOnExec\":" + (fcntl(number, F_GETFD) ? "true" : "false") + "}";
  }
  return "{" + text + "}";
}

string number(const char* name, long value) { return string(",\"") + name + "\":" + std::to_string(value); }

/// A number that prctl(2) stores instead of returning it.
long stored(int what) {
  int value = 0;
  prctl(what, &value, 0, 0, 0);
  return value;
}

int report(char** argv) {
  string json = "{\"argv\":" + list(argv) + ",\"env\":" + list(environ);
  json += number("pid", getpid()) + number("ppid", getppid()) + number("pgid", getpgrp()) + number("sid", getsid(0));
  json += number("uid", getuid()) + number("euid", geteuid()) + number("gid", getgid()) + number("egid", getegid());
  const mode_t mask = umask(0);
  umask(mask);
  json +=
      number("umask", mask) + number("nice", getpriority(PRIO_PROCESS, 0)) + number("policy", sched_getscheduler(0));
  json += number("ioPriority", syscall(SYS_ioprio_get, 1, 0)) + number("personality", personality(0xffffffff));
  json += number("oomScore", atol(read_file("/proc/self/oom_score_adj").c_str()));
  json += number("parentDeathSignal", stored(PR_GET_PDEATHSIG)) + number("subreaper", stored(PR_GET_CHILD_SUBREAPER));
  json += number("timerSlack", prctl(PR_GET_TIMERSLACK)) + number("dumpable", prctl(PR_GET_DUMPABLE));
  json +=
      number("secureBits", prctl(PR_GET_SECUREBITS)) + number("hugePagesOff", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  char directory[4096] = {};
  if (!getcwd(directory, sizeof directory)) directory[0] = '\0';
  json += ",\"cwd\":" + quote(directory) + ",\"descriptors\":" + descriptors() + ",\"limits\":" + limits();
  json += ",\"status\":" + lines("/proc/self/status") + ",\"mounts\":" + lines("/proc/self/mountinfo") + "}\n";
  const char* place = getenv("PROBE_REPORT");
  const int file = place ? open(place, O_WRONLY | O_CREAT | O_TRUNC, 0644) : 1;
  return file >= 0 && write(file, json.data(), json.size()) == static_cast<ssize_t>(json.size()) ? 0 : 99;
}

/// %E9 becomes the byte 0xE9: so that a test's JavaScript can pass any byte.
char* unescape(char* text) {
  char* to = text;
  for (char* from = text; *from; from++) {
    if (*from == '%' && from[1] && from[2]) {
      const char digits[] = {from[1], from[2], '\0'};
      *to++ = static_cast<char>(strtol(digits, nullptr, 16));
      from += 2;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
  return text;
}

/// From now on these system calls do not exist.
void forget_calls(string names) {
  constexpr struct {
    const char* name;
    unsigned number;
  } calls[] = {{"openat2", SYS_openat2},       {"open_tree", SYS_open_tree},
               {"move_mount", SYS_move_mount}, {"mount_setattr", SYS_mount_setattr},
               {"unshare", SYS_unshare},       {"mount", SYS_mount},
               {"pivot_root", SYS_pivot_root}, {"memfd_create", SYS_memfd_create},
               {"fsopen", SYS_fsopen},         {"fsmount", SYS_fsmount},
               {"pidfd_open", SYS_pidfd_open}, {"close_range", SYS_close_range}};
  const size_t colon = names.find(':');
  const unsigned code = colon == string::npos ? ENOSYS : static_cast<unsigned>(atoi(names.c_str() + colon + 1));
  names = "," + names.substr(0, colon) + ",";
  const auto wanted = static_cast<size_t>(std::count(names.begin(), names.end(), ',')) - 1;
  std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const auto& call : calls) {
    if (names.find("," + string(call.name) + ",") == string::npos) continue;
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code));
  }
  if (program.size() != 1 + 2 * wanted) exit(92);
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  struct sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) perror("seccomp"), exit(98);
}

std::vector<int> numbers_in(const string& text) {
  std::vector<int> numbers;
  for (size_t at = 0; at < text.size(); at = std::min(text.find_first_of(",:", at), text.size() - 1) + 1)
    numbers.push_back(atoi(text.c_str() + at));
  return numbers;
}

void open_at(int wanted, const char* path) {
  const int file = open(path, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
  if (file != wanted) dup2(file, wanted), close(file);
}

bool notify(const string& text) {
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const char* name = getenv("NOTIFY_SOCKET");
  if (name == nullptr || strlen(name) >= sizeof address.sun_path) return false;
  strcpy(address.sun_path, name);
  const int endpoint = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return sendto(endpoint, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address) >= 0;
}

/// One setting: NAME=VALUE, where VALUE is a list of numbers with commas unless noted otherwise.
bool apply(const string& name, const string& value) {
  const std::vector<int> numbers = numbers_in(value);
  if (name == "ignore") {
    for (const int each : numbers) signal(each, SIG_IGN);
  } else if (name == "block") {
    sigset_t set;
    sigemptyset(&set);
    for (const int each : numbers) sigaddset(&set, each);
    sigprocmask(SIG_BLOCK, &set, nullptr);
  } else if (name == "close") {
    for (const int each : numbers) close(each);
  } else if (name == "open") {  // NUMBER:PATH
    open_at(numbers.at(0), value.c_str() + value.find(':') + 1);
  } else if (name == "files") {  // SOFT:HARD
    const struct rlimit limit = {static_cast<rlim_t>(numbers.at(0)), static_cast<rlim_t>(numbers.at(1))};
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
  } else if (name == "core") {
    const struct rlimit limit = {0, static_cast<rlim_t>(numbers.at(0))};
    return setrlimit(RLIMIT_CORE, &limit) == 0;
  } else if (name == "nonblock") {
    for (const int each : numbers) fcntl(each, F_SETFL, fcntl(each, F_GETFL) | O_NONBLOCK);
  } else if (name == "umask") {
    umask(static_cast<mode_t>(strtol(value.c_str(), nullptr, 8)));
  } else if (name == "nice") {
    return setpriority(PRIO_PROCESS, 0, numbers.at(0)) == 0;
  } else if (name == "oom") {
    const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return file >= 0 && write(file, value.data(), value.size()) > 0;
  } else if (name == "cpu") {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(numbers.at(0), &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
  } else if (name == "slack") {
    return prctl(PR_SET_TIMERSLACK, numbers.at(0)) == 0;
  } else if (name == "deathsig") {
    return prctl(PR_SET_PDEATHSIG, numbers.at(0)) == 0;
  } else if (name == "batch") {
    struct sched_param parameters {};
    return sched_setscheduler(0, SCHED_BATCH, &parameters) == 0;
  } else if (name == "session") {
    setsid();
  } else if (name == "cd") {
    return chdir(value.c_str()) == 0;
  } else if (name == "env") {
    return putenv(strdup(value.c_str())) == 0;
  } else if (name == "notify") {  // as sd_notify(3)
    return notify(value);
  } else if (name == "forget") {  // names of system calls
    forget_calls(value);
  } else {
    return false;
  }
  return true;
}

int run_with(char** words) {
  for (; *words && strcmp(*words, "--") != 0; words++) {
    const string setting = unescape(*words);
    const size_t equals = setting.find('=');
    if (!apply(setting.substr(0, equals), setting.substr(equals + 1))) return perror(*words), 97;
  }
  for (char** word = words; *word; word++) unescape(*word);
  execvp(words[1], words + 1);
  return perror(words[1]), 96;
}

/// Dies by a signal, without leaving a core file.
int die(int number) {
  prctl(PR_SET_DUMPABLE, 0);
  signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  raise(number);
  return 95;
}

/// Makes empty files where that is possible.
int create(char** paths) {
  for (; *paths; paths++) {
    const int file = open(*paths, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file >= 0) close(file);
  }
  return 0;
}

/// Exchanges the files of two paths, over and over, until it is killed.
int exchange(const char* one, const char* other) {
  puts("ready");
  fflush(stdout);
  while (syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */) == 0) continue;
  return perror("renameat2"), 91;
}

/// The errno of each system call, called by its number without arguments.
int call(char** numbers) {
  for (; *numbers; numbers++) {
    errno = 0;
    syscall(atol(*numbers), 0, 0, 0, 0, 0, 0);
    printf("%d%s", errno, numbers[1] ? " " : "\n");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const string action = argc > 1 ? argv[1] : "report";
  if (action == "report") return report(argv);
  if (action == "with") return run_with(argv + 2);
  if (action == "status") return atoi(argv[2]);
  if (action == "die") return die(atoi(argv[2]));
  if (action == "create") return create(argv + 2);
  if (action == "exchange") return exchange(argv[2], argv[3]);
  if (action == "call") return call(argv + 2);
  if (action == "wait") return puts("ready"), fflush(stdout), pause(), 94;
  return fprintf(stderr, "probe: what is %s?\n", action.c_str()), 93;
}
