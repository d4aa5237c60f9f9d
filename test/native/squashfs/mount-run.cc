// mount-run IMAGE [--private] [--uid N] [--gid N] [--keep-root] -- COMMAND [ARG…]: runs a command with the image as its
// root directory, or with --keep-root, with the image at /mnt.
// For tests and benchmarks of the file-system server alone: the least that a launcher does. The program
// ch-run-ts-squashfs is looked for beside this one.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "squashfs/client/client.h"

namespace {

using chrun::Error;
using chrun::Fd;
using chrun::Refused;

struct Words {
  chrun::squashfs::SquashfsRequest request;
  std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
  bool keep_root = false;
  char** command = nullptr;
};

chrun::Program find_server() {
  char self[4096];
  const ssize_t size = readlink("/proc/self/exe", self, sizeof self);
  const std::string path(self, size > 0 ? static_cast<size_t>(size) : 0);
  chrun::Program server{path.substr(0, path.rfind('/') + 1) + "ch-run-ts-squashfs", {}};
  server.file = Fd(open(server.path.c_str(), O_PATH | O_CLOEXEC));
  if (!server.file) throw chrun::Refused("open").cannot("start " + server.path);
  return server;
}

Words parse(char** words) {
  Words parsed;
  if (*++words) parsed.request.image.path = *words++;
  for (; *words; ++words) {
    const std::string word = *words;
    if (word == "--") {
      parsed.command = words + 1;
      break;
    }
    if (word == "--private") parsed.request.share = false;
    if (word == "--keep-root") parsed.keep_root = true;
    if (word == "--uid" && words[1]) parsed.uid = *++words;
    if (word == "--gid" && words[1]) parsed.gid = *++words;
  }
  parsed.request.server = find_server;
  return parsed;
}

void write_file(const char* path, const std::string& text) {
  const Fd file(open(path, O_WRONLY | O_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) < 0)
    throw Refused("write").cannot(std::string("write ") + path);
}

void enter(const chrun::squashfs::ServedImage& image, const Words& words) {
  const auto user = std::to_string(geteuid()), group = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) throw Refused("unshare").cannot("make namespaces");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", words.uid + " " + user + " 1");
  write_file("/proc/self/gid_map", words.gid + " " + group + " 1");
  mount_served(image, "/mnt");
  if (words.keep_root) return;
  if (chroot("/mnt") < 0) throw Refused("chroot").cannot("enter the image");
  if (chdir("/") < 0) throw Refused("chdir").cannot("enter the image");
}

}  // namespace

int main(int, char** argv) try {
  const Words words = parse(argv);
  if (!words.command || !*words.command) {
    fprintf(stderr, "usage: mount-run IMAGE [--private] [--uid N] [--gid N] [--keep-root] -- COMMAND [ARG…]\n");
    return static_cast<int>(chrun::Exit::usage);
  }
  enter(chrun::squashfs::serve_squashfs(words.request), words);
  execvp(words.command[0], words.command);
  throw Refused("execve").cannot(std::string("run ") + words.command[0], chrun::Exit::command);
} catch (const Error& error) {
  fprintf(stderr, "mount-run: %s\n", error.what());
  if (!error.hint().empty()) fprintf(stderr, "mount-run: hint: %s\n", error.hint().c_str());
  return static_cast<int>(error.exit());
}
