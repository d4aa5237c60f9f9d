#include "launcher/files/mapped_mount.h"

#include <sched.h>
#include <sys/wait.h>

#include <csignal>

#include "base/error.h"
#include "base/system_calls.h"
#include "launcher/files/mounts.h"

namespace chrun {
namespace {

/// A process in a user namespace of its own, for as long as that is looked at.
class NamespaceHolder {
 public:
  explicit NamespaceHolder(const std::string& action) : action_(action) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Refused("pipe").cannot(action_);
    Fd told(ends[0]), tell(ends[1]);
    pid_ = fork();
    if (pid_ < 0) throw Refused("fork").cannot(action_);
    if (pid_ == 0) hold(tell);
    tell.reset();
    int refusal = EPIPE;
    if (read(told.get(), &refusal, sizeof refusal) < 0 || refusal != 0)
      throw Refused("unshare", refusal).cannot(action_);
  }
  ~NamespaceHolder() {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  NamespaceHolder(const NamespaceHolder&) = delete;
  NamespaceHolder& operator=(const NamespaceHolder&) = delete;

  void write_map(const char* name, const std::string& lines) const {
    const Fd file(open(path(name).c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) throw Refused("open").cannot(action_);
    if (write(file.get(), lines.data(), lines.size()) < 0) throw Refused("write").cannot(action_);
  }
  Fd user_namespace() const {
    Fd file(open(path("ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw Refused("open").cannot(action_);
    return file;
  }

 private:
  std::string path(const char* name) const { return "/proc/" + std::to_string(pid_) + "/" + name; }

  [[noreturn]] static void hold(const Fd& tell) {
    const int refusal = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
    if (write(tell.get(), &refusal, sizeof refusal) < 0 || refusal != 0) _exit(1);
    for (;;) pause();
  }

  const std::string action_;
  pid_t pid_ = -1;
};

}  // namespace

Fd copy_mapped(const std::string& source, bool recursive, bool maps_below, const MountMaps& maps) {
  constexpr uint64_t kIdMap = 0x100000;  // MOUNT_ATTR_IDMAP
  const std::string action = "map the ids of the mount of " + source;
  Fd copy = recursive ? copy_tree(AT_FDCWD, source.c_str()) : copy_mount(AT_FDCWD, source.c_str());
  if (!copy && errno == EPERM) throw Refused("open_tree").cannot(action).hinted("only root of the machine can do that");
  if (!copy) throw Refused("open_tree").cannot(action);
  const NamespaceHolder holder(action);
  holder.write_map("uid_map", maps.users);
  holder.write_map("gid_map", maps.groups);
  const Fd space = holder.user_namespace();
  MountChange change{};
  change.set = kIdMap;
  change.user_namespace = static_cast<uint64_t>(space.get());
  const unsigned flags = AT_EMPTY_PATH | (maps_below ? kRecursive : 0);
  if (syscall(kMountSetattr, copy.get(), "", flags, &change, sizeof change) != 0)
    throw Refused("mount_setattr").cannot(action);
  return copy;
}

}  // namespace chrun
