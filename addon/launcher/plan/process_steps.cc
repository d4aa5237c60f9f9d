// The steps by which a process of an OCI container gets the rights it is to have, waits for its start, and becomes the
// command.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/image_path.h"
#include "base/records.h"
#include "launcher/plan/entry.h"
#include "launcher/plan/hook_of.h"
#include "launcher/process/credentials.h"
#include "launcher/process/descriptors.h"
#include "launcher/process/exec.h"
#include "launcher/process/named_user.h"

namespace chrun {
namespace {

constexpr const char* kDefaultPath = "/bin:/usr/bin";

unsigned id(std::string_view text) { return static_cast<unsigned>(parse_number(text, 0xfffffffe, "an id")); }

/// Hexadecimal: a bit for each.
Capabilities capabilities(std::string_view text) {
  char* end;
  const std::string digits(text);
  const Capabilities set = strtoull(digits.c_str(), &end, 16);
  if (*end != '\0' || digits.empty()) throw Error("expected a set of capabilities, got '" + digits + "'");
  return set;
}

/// session: its own, without a terminal: what is typed at the caller's reaches it by forwarding only.
void session(Entry&, const Step&) {
  if (setsid() < 0 && errno != EPERM) throw Refused("setsid").cannot("begin a session");
}

/// file-mask MODE
void file_mask(Entry&, const Step& step) { umask(static_cast<mode_t>(std::stoul(field(step, 0), nullptr, 8)) & 0777); }

bool is_same(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// Whether the way up from the working directory ends at the root directory, and not at another one.
bool climbs_to_root() {
  struct stat root, here, parent;
  Fd directory(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fstat(directory.get(), &here) != 0 || stat("/", &root) != 0) return false;
  while (!is_same(here, root)) {
    directory = Fd(openat(directory.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory || fstat(directory.get(), &parent) != 0 || is_same(here, parent)) return false;
    here = parent;
  }
  return true;
}

/// A directory that was left open outside of the container would be a way out of it.
void require_inside(const std::string& path) {
  char here[PATH_MAX];
  const bool inside = getcwd(here, sizeof here) != nullptr ? here[0] == '/'
                                                           // a seccomp filter may refuse the question
                                                           : errno != ENOENT && climbs_to_root();
  if (!inside) throw Error("can't change to directory " + path + ": it is outside of the container");
}

/// working-directory PATH make|may|must: the creator of the container may reach it where its user may not, and the
/// other way round.
void working_directory(Entry&, const Step& step) {
  const std::string path = field(step, 0);
  if (step.fields[1] == "make" && access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    const Fd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) throw Refused("open").cannot("make directory " + path);
    create_in_image(root.get(), path, false);
  }
  if (chdir(path.c_str()) == 0) return require_inside(path);
  if (errno == EACCES && step.fields[1] != "must") return;
  const Refused refused("chdir");
  // reached with the rights of who made the container; "." itself may not be looked up
  struct stat here, there;
  if (step.fields[1] == "must" && errno == EACCES && fstatat(AT_FDCWD, "", &here, AT_EMPTY_PATH) == 0 &&
      stat("/", &there) == 0 && (here.st_ino != there.st_ino || here.st_dev != there.st_dev))
    return;
  throw refused.cannot("change to directory " + path, Exit::command);
}

/// named-user USER GROUP
void named_user(Entry& entry, const Step& step) { entry.named = find_user(field(step, 0), field(step, 1)); }

/// home UID: the file is the container's, and may be anything.
void home(Entry& entry, const Step& step) {
  if (!entry.environment.get("HOME").value_or("").empty()) return;
  const std::string found = home_of(entry.named ? entry.named->uid : id(step.fields[0]));
  entry.environment.set("HOME", found.empty() ? "/" : found);
}

/// find-program NAME: that it is missing can be told before anybody waits for it.
void find_program(Entry& entry, const Step& step) {
  require_program(field(step, 0), entry.environment.get("PATH").value_or(kDefaultPath));
}

void part(Entry& entry, const Step&) { entry.creation->sides->part(); }

/// wait visible|hidden: at the gate. Where nobody but its owner can look into it, the waiting process may be looked
/// into: its namespaces are to be opened by the program that sets up the container's network.
void wait(Entry& entry, const Step& step) {
  entry.gate.emplace(std::move(entry.creation->gate));
  const int before = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  if (step.fields[0] == "visible") prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  entry.gate->wait();
  if (step.fields[0] == "visible") prctl(PR_SET_DUMPABLE, before == 1 ? 1 : 0, 0, 0, 0);
}

/// start-hook TIMEOUT PATH COUNT ARGUMENT … VARIABLE …
void start_hook(Entry& entry, const Step& step) { execute_hook(hook_of(step, 0), entry.creation->state); }

/// bounding SET
void bounding(Entry&, const Step& step) { limit_capabilities(capabilities(step.fields[0])); }

void own_streams(Entry& entry, const Step& step) { give_streams(entry.named ? entry.named->uid : id(step.fields[0])); }

/// user UID GID keep | user UID GID only GROUP …
void user(Entry& entry, const Step& step) {
  std::optional<std::vector<gid_t>> groups;
  if (step.fields[2] != "keep") groups.emplace();
  for (size_t i = 3; i < step.fields.size() && groups; i++) groups->push_back(id(step.fields[i]));
  if (!entry.named) return become_user(id(step.fields[0]), id(step.fields[1]), groups);
  if (groups && groups->empty()) groups = entry.named->groups;
  become_user(entry.named->uid, entry.named->gid, groups);
}

/// capabilities EFFECTIVE PERMITTED INHERITABLE AMBIENT
void set_of_capabilities(Entry&, const Step& step) {
  const auto set = [&](size_t at) { return capabilities(step.fields[at]); };
  set_capabilities({set(0), set(1), set(2), set(3)});
}

/// keep-descriptors COUNT
void keep(Entry&, const Step& step) {
  keep_descriptors(static_cast<unsigned>(parse_number(step.fields[0], 1 << 20, "a number of descriptors")));
}

/// execute ARGUMENT …
void execute(Entry& entry, const Step& step) {
  std::vector<char*> words;
  for (const auto word : step.fields) words.push_back(const_cast<char*>(word.data()));
  words.push_back(nullptr);
  if (entry.gate) entry.gate->pass();
  const std::string path(entry.environment.get("PATH").value_or(kDefaultPath));
  become_command(words, entry.environment.pointers(), path);
}

constexpr StepKind<Entry> kKinds[] = {
    {"session", 0, 0, session},
    {"file-mask", 1, 1, file_mask},
    {"working-directory", 2, 2, working_directory},
    {"named-user", 2, 2, named_user},
    {"home", 1, 1, home},
    {"find-program", 1, 1, find_program},
    {"part", 0, 0, part},
    {"wait", 1, 1, wait},
    {"start-hook", 3, kAnyFields, start_hook},
    {"bounding", 1, 1, bounding},
    {"own-streams", 1, 1, own_streams},
    {"user", 3, kAnyFields, user},
    {"capabilities", 4, 4, set_of_capabilities},
    {"keep-descriptors", 1, 1, keep},
    {"execute", 1, kAnyFields, execute},
};

}  // namespace

std::span<const StepKind<Entry>> process_kinds() { return kKinds; }

}  // namespace chrun
