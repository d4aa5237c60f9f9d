#include "launcher/parent/id_maps.h"

#include <fcntl.h>

#include "base/child.h"
#include "base/error.h"
#include "base/fd.h"

extern "C" char** environ;

namespace chrun {
namespace {

/// One write: the kernel takes a map whole, or not at all.
void write_setting(const std::string& path, const std::string& text, const std::string& action) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot(action).about(path);
  if (write(file.get(), text.data(), text.size()) < 0) throw Refused("write").cannot(action).about(path);
}

std::string file_of(pid_t pid, const char* name) { return "/proc/" + std::to_string(pid) + "/" + name; }

void run_helper(const std::string& program, pid_t pid, const std::vector<std::string>& lines) {
  std::vector<std::string> words{program, std::to_string(pid)};
  for (const std::string& line : lines) {
    for (size_t start = 0, end; start < line.size(); start = end + 1) {
      end = std::min(line.find(' ', start), line.size());
      words.push_back(line.substr(start, end - start));
    }
  }
  // what it says, it says on our standard error
  const ChildStreams ours{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  const int status = [&] {
    try {
      return Child(program, words, environ, ours).wait();
    } catch (SysError& refusal) {
      throw refusal.hinted("install uidmap (Debian) or shadow-utils (Fedora), or map your own user alone");
    }
  }();
  if (status != 0)
    throw Error("can't map the ids of the user namespace: " + program + " refused them",
                "/etc/subuid and /etc/subgid must grant them to you");
}

}  // namespace

void write_id_map(char kind, pid_t pid, MapWriter writer, const std::vector<std::string>& lines) {
  const bool users = kind == 'u';
  if (writer == MapWriter::helper) return run_helper(users ? "newuidmap" : "newgidmap", pid, lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  write_setting(file_of(pid, users ? "uid_map" : "gid_map"), text,
                std::string("map the ") + (users ? "users" : "groups") + " of the user namespace");
}

void deny_setgroups(pid_t pid) {
  write_setting(file_of(pid, "setgroups"), "deny", "give up setgroups in the user namespace");
}

}  // namespace chrun
