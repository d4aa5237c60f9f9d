#include "launcher/process/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/error.h"
#include "base/expect_child.h"
#include "base/files.h"
#include "base/system_calls.h"
#include "launcher/files/image_path.h"

namespace chrun {
namespace {

/// Makes another directory the root directory of this process, until this object ends.
class OtherRoot {
 public:
  explicit OtherRoot(int directory) : own_(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (!own_) throw Refused("open").cannot("open the root directory");
    if (!enter(directory)) throw Refused("chroot").cannot("enter the host's root directory");
  }
  ~OtherRoot() {
    if (!enter(own_.get())) abort();  // anything that followed would happen in the wrong root directory
  }
  OtherRoot(const OtherRoot&) = delete;

 private:
  static bool enter(int directory) { return fchdir(directory) == 0 && chroot(".") == 0; }
  const Fd own_;
};

/// Hooks access the container by path, so it gets one: in our private mount namespace, until they have run.
constexpr const char* kBundle = "/mnt";
constexpr const char* kRoot = "/mnt/rootfs";

/// The directory that an OCI runtime calls bundle: configuration and root of a container.
class Bundle {
 public:
  explicit Bundle(int root) {
    if (mount("tmpfs", kBundle, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") != 0)
      throw Refused("mount").cannot(std::string("make a place for hooks at the host's ") + kBundle);
    if (mkdir(kRoot, 0755) != 0) throw Refused("mkdir").cannot(std::string("create ") + kRoot);
    if (mount(descriptor_path(root).c_str(), kRoot, nullptr, MS_BIND | MS_REC, nullptr) != 0)
      throw Refused("mount").cannot("show the container's root to hooks");
    const Fd config(open("/mnt/config.json", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
    if (!config) throw Refused("open").cannot("write /mnt/config.json");
    if (fchmod(config.get(), 0644) != 0) throw Refused("fchmod").cannot("write /mnt/config.json");
    write_all(config.get(),
              std::string(R"({"ociVersion":"1.0.2","root":{"path":")") + kRoot + R"("},"mounts":[],"linux":{}})",
              "/mnt/config.json");
    // hooks start in it; where we are is of no interest until the image is the root
    if (chdir(kBundle) != 0) throw Refused("chdir").cannot(std::string("enter ") + kBundle);
  }
  ~Bundle() {
    if (chdir("/") != 0 || umount2(kBundle, MNT_DETACH) != 0) return;  // it is gone with the host's root
  }
  Bundle(const Bundle&) = delete;
};

std::string state_of_container() {
  const std::string pid = std::to_string(getpid());
  return R"({"ociVersion":"1.0.2","id":"ch-run-ts-)" + pid + R"(","status":"creating","pid":)" + pid +
         R"(,"bundle":")" + kBundle + R"("})";
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

pid_t start(const Hook& hook, int state) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, state, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // the command's output is the command's
  auto arguments = hook.arguments;
  if (arguments.empty()) arguments.push_back(hook.path);
  pid_t child = -1;
  const int code = posix_spawn(&child, hook.path.c_str(), &actions, nullptr, pointers_to(arguments).data(),
                               pointers_to(hook.environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw Refused("execve", code).cannot("run the hook " + hook.path);
  return child;
}

/// Waits at most `seconds` for the end of a child; forever if these are 0, or the kernel can't (before Linux 5.3).
bool ends_in_time(pid_t child, int seconds) {
  if (seconds == 0) return true;
  const Fd process(static_cast<int>(syscall(kPidfdOpen, child, 0)));
  if (!process) return true;
  struct pollfd ending {
    process.get(), POLLIN, 0
  };
  int ready;
  do ready = poll(&ending, 1, seconds * 1000);
  while (ready < 0 && errno == EINTR);
  return ready != 0;
}

}  // namespace

void execute_hook(const Hook& hook, const std::string& state) {
  const Fd input = above_standard(memory_file("ch-run-ts-state", state, false));
  const ExpectChild expect;
  const pid_t child = start(hook, input.get());
  const bool in_time = ends_in_time(child, hook.timeout);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  if (wait_for_child(child, &status) < 0) throw Refused("waitpid").cannot("wait for the hook " + hook.path);
  if (!in_time) throw Error("the hook " + hook.path + " timed out after " + std::to_string(hook.timeout) + " s");
  if (WIFSIGNALED(status))
    throw Error("the hook " + hook.path + " was terminated by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    throw Error("the hook " + hook.path + " exited with status " + std::to_string(WEXITSTATUS(status)));
}

void run_hook(int host, int root, const Hook& hook) {
  const OtherRoot as_on_host(host);
  const Bundle bundle(root);
  execute_hook(hook, state_of_container());
}

}  // namespace chrun
