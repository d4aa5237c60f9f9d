#include "containers/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "base/proc.h"
#include "base/records.h"
#include "base/unix_socket.h"
#include "containers/freezer.h"

namespace chrun {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

constexpr const char* kState = "state.json";
constexpr const char* kGate = "gate";
constexpr const char* kGroups = "groups.json";
constexpr const char* kNotices = "notify";
constexpr const char* kFiles[] = {kState,           "config.json",    kGate, kGroups, "groups.json.new",
                                  "state.json.new", "config.json.new"};
constexpr size_t kLargestState = 64 << 20, kLongestId = 255;

// signal(7)
constexpr std::pair<std::string_view, int> kSignals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},     {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"IOT", SIGIOT},       {"BUS", SIGBUS},   {"FPE", SIGFPE},     {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},     {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},   {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},    {"CONT", SIGCONT},
    {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},   {"URG", SIGURG},
    {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},     {"PROF", SIGPROF}, {"IO", SIGIO},       {"POLL", SIGPOLL},
    {"PWR", SIGPWR},   {"VTALRM", SIGVTALRM}, {"SYS", SIGSYS},   {"WINCH", SIGWINCH},
};

Fd make_socket() {
  Fd made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!made) throw Refused("socket").cannot("make the gate of the container");
  return above_standard(std::move(made));
}

}  // namespace

const char* status_word(Status status) {
  switch (status) {
    case Status::creating:
      return "creating";
    case Status::created:
      return "created";
    case Status::running:
      return "running";
    case Status::paused:
      return "paused";
    case Status::stopped:
      return "stopped";
  }
  return "";
}

void check_id(std::string_view id) {
  constexpr std::string_view kRest = "_+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const bool valid =
      !id.empty() && id.size() <= kLongestId && id[0] != '.' && id.find_first_not_of(kRest) == std::string_view::npos;
  if (!valid)
    throw Error("expected letters, digits and _ + - . for the container's id, not beginning with ., got '" +
                std::string(id.substr(0, kLongestId)) + "'");
}

std::vector<std::string> list_ids(const std::string& root) {
  std::vector<std::string> ids;
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(root.c_str()));
  if (!directory) {
    if (errno == ENOENT) return ids;
    throw Refused("open").cannot("list the containers in " + root);
  }
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] != '.') ids.emplace_back(entry->d_name);
  }
  std::ranges::sort(ids);
  return ids;
}

Container Container::make(const std::string& root, const std::string& id) {
  check_id(id);
  make_directories(root, 0700);
  Container made(root, id);
  if (mkdir(made.path().c_str(), 0700) != 0) {
    if (errno == EEXIST) throw Error("container " + id + " already exists");
    throw Refused("mkdir").cannot("create the container's directory " + made.path());
  }
  made.directory_ = Fd(::open(made.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!made.directory_) throw Refused("open").cannot("open the container's directory " + made.path());
  made.lock();
  return made;
}

std::optional<Container> Container::open_if_any(const std::string& root, const std::string& id) {
  check_id(id);
  Container found(root, id);
  found.directory_ = Fd(::open(found.path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (found.directory_) return found;
  if (errno == ENOENT) return {};
  throw Refused("open").cannot("open the container's directory " + found.path());
}

Container Container::open(const std::string& root, const std::string& id) {
  if (auto found = open_if_any(root, id)) return std::move(*found);
  throw Error("container " + id + " does not exist");
}

bool Container::lock_if_there() {
  int locked;
  do locked = flock(directory_.get(), LOCK_EX);
  while (locked != 0 && errno == EINTR);
  if (locked != 0) throw Refused("flock").cannot("lock the container's directory " + path());
  struct stat ours, there;
  return fstat(directory_.get(), &ours) == 0 && stat(path().c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

void Container::lock() {
  if (!lock_if_there()) throw Error("container " + id_ + " does not exist");
}

void Container::unlock() { flock(directory_.get(), LOCK_UN); }

bool Container::is_locked_by_another() const {
  if (flock(directory_.get(), LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  flock(directory_.get(), LOCK_UN);
  return false;
}

Json Container::state() const {
  const Fd file(openat(directory_.get(), kState, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  const std::string name = "the state " + path() + "/" + kState;
  if (!file) throw Refused("open").cannot("read " + name);
  Json state = Json::parse(read_all(file.get(), name, kLargestState), name);
  if (state["version"].number() != 1 || state["pid"].number() == 0)
    throw Error(name + " is damaged, or of another version of ch-oci-ts");
  return state;
}

void Container::save(const char* name, const std::string& text) const {
  const std::string next = std::string(name) + ".new", action = "write " + path() + "/" + name;
  const Fd file(openat(directory_.get(), next.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw Refused("open").cannot(action);
  write_all(file.get(), text, path() + "/" + name);
  if (renameat(directory_.get(), next.c_str(), directory_.get(), name) != 0) throw Refused("rename").cannot(action);
}

Groups Container::groups() const {
  const Fd file(openat(directory_.get(), kGroups, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  const std::string name = path() + "/" + kGroups;
  if (!file && errno == ENOENT) return {};
  if (!file) throw Refused("open").cannot("read " + name);
  return parse_groups(Json::parse(read_all(file.get(), name, kLargestState), name));
}

void Container::save_groups(const Groups& groups) const { save(kGroups, to_json(groups)); }

ProcessId Container::process(const Json& state) {
  const ProcessId saved{static_cast<int>(state["pid"].number()), state["start"].number()};
  if (state["boot"].text() != boot_id() || !is_alive(saved)) return {};
  return saved;
}

Status Container::status(const Json& state) const {
  // who creates it holds the lock until the state is saved
  if (state.is_empty()) return is_locked_by_another() ? Status::creating : Status::stopped;
  const ProcessId process = Container::process(state);
  if (process.pid == 0) return Status::stopped;
  if (is_frozen(process.pid)) return Status::paused;
  return knock() ? Status::created : Status::running;
}

Fd Container::make_gate() const {
  Fd gate = make_socket();
  const sockaddr_un address = address_in(directory_, kGate);
  if (bind(gate.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Refused("bind").cannot("make the gate " + path() + "/" + kGate);
  if (listen(gate.get(), 16) != 0) throw Refused("listen").cannot("make the gate " + path() + "/" + kGate);
  return gate;
}

Fd Container::knock() const {
  Fd connection = make_socket();
  const sockaddr_un address = address_in(directory_, kGate);
  int connected;
  do connected = connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  while (connected != 0 && errno == EINTR);
  if (connected != 0) connection.reset();
  return connection;
}

void Container::make_notices() const {
  // its parent keeps others out
  if (mkdirat(directory_.get(), kNotices, 0755) != 0 || fchmodat(directory_.get(), kNotices, 0755, 0) != 0)
    throw Refused("mkdir").cannot("create " + path() + "/" + kNotices);
}

Fd Container::notices() const { return Fd(openat(directory_.get(), kNotices, O_PATH | O_DIRECTORY | O_CLOEXEC)); }

void Container::remove() {
  if (const Fd directory = notices()) {
    if (unlinkat(directory.get(), "notify.sock", 0) != 0 && errno != ENOENT)
      throw Refused("unlink").cannot("remove " + path() + "/" + kNotices + "/notify.sock");
    if (unlinkat(directory_.get(), kNotices, AT_REMOVEDIR) != 0)
      throw Refused("rmdir").cannot("remove " + path() + "/" + kNotices);
  }
  for (const char* name : kFiles) {
    if (unlinkat(directory_.get(), name, 0) != 0 && errno != ENOENT)
      throw Refused("unlink").cannot("remove " + path() + "/" + name);
  }
  // where a restored one had its mounts
  if (unlinkat(directory_.get(), "criu", AT_REMOVEDIR) != 0 && errno != ENOENT)
    throw Refused("rmdir").cannot("remove " + path() + "/criu");
  if (rmdir(path().c_str()) != 0 && errno != ENOENT) throw Refused("rmdir").cannot("remove " + path());
}

int parse_signal(const std::string& word) {
  std::string name = word;
  std::ranges::transform(name, name.begin(), [](unsigned char letter) { return toupper(letter); });
  if (name.starts_with("-")) name.erase(0, 1);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
    const auto number = parse_number(name.substr(0, 9), 1 << 30, "a signal");
    if (number <= static_cast<unsigned>(SIGRTMAX)) return static_cast<int>(number);
  }
  for (const auto& [known, number] : kSignals) {
    if (name == known) return number;
  }
  const int first = name.starts_with("RTMIN") ? SIGRTMIN : name.starts_with("RTMAX") ? SIGRTMAX : 0;
  if (first != 0) {
    const int number = first + atoi(name.c_str() + 5);
    if (number >= SIGRTMIN && number <= SIGRTMAX) return number;
  }
  throw Error("unknown signal '" + word + "'");
}

std::string boot_id() {
  std::string id = text_of("/proc/sys/kernel/random/boot_id");
  id.erase(std::min(id.find('\n'), id.size()));
  return id;
}

}  // namespace chrun
