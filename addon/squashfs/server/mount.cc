#include "squashfs/server/mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/proc.h"
#include "base/system_calls.h"
#include "refusals/restrictions.h"
#include "squashfs/meet/fuse_device.h"

namespace chrun::squashfs {
namespace {

constexpr char kSharedAt[] = "/image";

void write_setting(const char* path, const std::string& text, const char* call) {
  const Fd file = open_own_file(path);
  if (!file) throw Refused("open").cannot(std::string("open ") + path).about("/proc/self/");
  if (write(file.get(), text.data(), text.size()) < 0) throw Refused(call).cannot(std::string("write ") + path);
}

/// A FUSE file system that is being made, in a way that gives a mount without a place (Linux 5.2).
class Configuration {
 public:
  Configuration() : context_(static_cast<int>(syscall(kFsopen, "fuse", kFsopenCloexec))) {
    if (context_) return;
    if (errno == ENODEV)
      throw Error("can't mount SquashFS images: this kernel has no FUSE", "load the kernel module fuse");
    throw Refused("fsopen").cannot("mount FUSE");
  }
  void set(const char* key, const std::string& value) const { call(kFsconfigSetString, key, value.c_str()); }
  void flag(const char* key) const { call(kFsconfigSetFlag, key, nullptr); }
  Fd mount() const {
    call(kFsconfigCreate, nullptr, nullptr);
    Fd made(static_cast<int>(syscall(kFsmount, context_.get(), kFsmountCloexec, MS_RDONLY | MS_NOSUID | MS_NODEV)));
    if (!made) throw Refused("fsmount").cannot("mount FUSE");
    return made;
  }

 private:
  void call(unsigned command, const char* key, const char* value) const {
    if (syscall(kFsconfig, context_.get(), command, key, value, 0) < 0) {
      throw Refused("fsconfig")
          .cannot(std::string("mount FUSE") + (key ? std::string(" with ") + key : ""))
          .about("FUSE");
    }
  }
  Fd context_;
};

}  // namespace

void enter_namespaces() {
  const auto user = std::to_string(geteuid()), group = std::to_string(getegid());
  const char* call = restrictions::id_map_call(geteuid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
    throw Refused("unshare").cannot("create namespaces for the file-system server");
  write_setting("/proc/self/setgroups", "deny", call);
  write_setting("/proc/self/uid_map", "0 " + user + " 1", call);
  write_setting("/proc/self/gid_map", "0 " + group + " 1", call);
}

FuseMount make_mount(const std::string& image) {
  Fd device = open_fuse_device();
  const Configuration fuse;
  fuse.set("source", image);
  fuse.set("subtype", "squashfs");
  fuse.set("fd", std::to_string(device.get()));
  for (const auto& [key, value] : kFuseOptions) value ? fuse.set(key, value) : fuse.flag(key);
  fuse.flag("ro");
  Fd root = fuse.mount();
  return {std::move(device), std::move(root)};
}

void leave_host_mounts() {
  const auto check = [](long result, const char* call) {
    if (result < 0) throw Refused(call).cannot("leave the host's mounts");
  };
  // on a directory that must exist, as the FUSE device lies there
  check(mount("none", "/dev", "tmpfs", 0, "mode=700,nr_inodes=4,size=4k"), "mount");
  check(chdir("/dev"), "chdir");
  check(mkdir(kSharedAt + 1, 0700), "mkdir");
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "umount2");
  check(chdir("/"), "chdir");
}

SharedMount::SharedMount(Fd root) : root_(std::move(root)) {
  if (syscall(kMoveMount, root_.get(), "", AT_FDCWD, kSharedAt, kMoveMountEmptyPath) < 0) {
    throw Refused("move_mount").cannot("attach the mount");
  }
}

Fd SharedMount::copy() const {
  return Fd(static_cast<int>(syscall(kOpenTree, root_.get(), "", kOpenTreeClone | kOpenTreeCloexec | AT_EMPTY_PATH)));
}

}  // namespace chrun::squashfs
