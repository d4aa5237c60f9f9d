#include "launcher/identity.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "launcher/host_entry.h"
#include "launcher/image_path.h"
#include "launcher/log.h"
#include "launcher/mounts.h"

namespace chrun {
namespace {

constexpr const char* kPasswd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
constexpr const char* kGroup = "root:x:0:\nnogroup:x:65534:\n";

bool has_line_always(unsigned id) { return id == 0 || id == 65534; }

std::string user_line(const std::vector<std::string>& user, uid_t uid, gid_t gid) {
  const std::string ids = ":x:" + std::to_string(uid) + ":" + std::to_string(gid) + ":";
  if (user.empty()) return "user" + std::to_string(uid) + ids + "container user:/:/bin/sh\n";
  return user[0] + ids + user[4] + ":" + user[5] + ":/bin/sh\n";
}

std::string group_line(const std::vector<std::string>& group, gid_t gid) {
  const std::string name = group.empty() ? "group" + std::to_string(gid) : group[0];
  return name + ":x:" + std::to_string(gid) + ":\n";
}

void bind_text(int root, int scratch, const char* destination, const char* name, const std::string& text) {
  const Fd place = open_in_image(root, destination);
  if (!place) {
    log::warning(std::string("there is no ") + destination + " in the image: your user has no name inside");
    return;
  }
  const Fd file(openat(scratch, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
  if (!file) throw SysError(std::string("write ") + destination, "open");
  if (fchmod(file.get(), 0644) != 0) throw SysError(std::string("write ") + destination, "fchmod");
  write_all(file.get(), text, destination);
  const std::string source = descriptor_path(file.get()), target = descriptor_path(place.get());
  if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    throw SysError(std::string("bind ") + destination, "mount");
  }
}

}  // namespace

void bind_identity(int root, uid_t uid, gid_t gid) {
  const ExpectChild expect;
  std::optional<HostEntry> user, group;
  if (!has_line_always(uid)) user.emplace(expect, "passwd", uid);
  if (!has_line_always(gid)) group.emplace(expect, "group", gid);
  // The files need a file system that nobody else can see: a tmpfs at the guest's /dev, which the bind of the
  // host's /dev covers afterwards. (To unmount it would cost as much as all binds together.)
  tmpfs_into_image(root, "/dev", "mode=0755,size=4m");
  const Fd scratch = open_in_image(root, "/dev");
  bind_text(root, scratch.get(), "/etc/passwd", "passwd", kPasswd + (user ? user_line(user->fields(), uid, gid) : ""));
  bind_text(root, scratch.get(), "/etc/group", "group", kGroup + (group ? group_line(group->fields(), gid) : ""));
}

}  // namespace chrun
