#include "launcher/process/hooks.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/child.h"
#include "base/error.h"
#include "base/expect_child.h"
#include "base/files.h"
#include "base/image_path.h"
#include "base/system_calls.h"

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
    // hooks start in it; our working directory does not matter until the image is the root
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

Child start(const Hook& hook, int state) {
  auto arguments = hook.arguments;
  if (arguments.empty()) arguments.push_back(hook.path);
  try {
    // the command's output is the command's
    return {hook.path,
            arguments,
            hook.inherits ? environ : pointers_to(hook.environment).data(),
            {state, STDERR_FILENO, STDERR_FILENO}};
  } catch (const SysError& refusal) {
    throw Refused(refusal.call(), refusal.code()).cannot("run the hook " + hook.path);
  }
}

}  // namespace

void execute_hook(const Hook& hook, const std::string& state) {
  const Fd input = above_standard(memory_file("ch-run-ts-state", state, false));
  const ExpectChild expect;
  Child child = start(hook, input.get());
  const bool in_time = hook.timeout == 0 || child.ends_within(hook.timeout * 1000);
  if (!in_time) child.kill();
  const int status = child.wait();
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
