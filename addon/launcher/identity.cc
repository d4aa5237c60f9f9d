#include "launcher/identity.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "launcher/image_path.h"
#include "launcher/log.h"
#include "launcher/mounts.h"

namespace chrun {
namespace {

constexpr unsigned kNobody = 65534;
constexpr size_t kLargestEntry = 1 << 20;  // groups of thousands of members are real

/// Calls one of the reentrant lookups of the name service with a buffer that grows as it asks.
/// Returns 0 and an unset `found` where there is no such entry; a broken name service counts as that.
template <typename Entry, typename Lookup, typename Id>
Entry* look_up(Lookup lookup, Id id, Entry& entry, std::vector<char>& buffer) {
  Entry* found = nullptr;
  for (buffer.resize(1024); buffer.size() <= kLargestEntry; buffer.resize(buffer.size() * 4)) {
    if (lookup(id, &entry, buffer.data(), buffer.size(), &found) != ERANGE) break;
  }
  return found;
}

std::string passwd_text(uid_t uid, gid_t gid) {
  std::string text = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
  if (uid == 0 || uid == kNobody) return text;
  struct passwd entry;
  std::vector<char> buffer;
  const struct passwd* user = look_up(getpwuid_r, uid, entry, buffer);
  const std::string ids = ":x:" + std::to_string(uid) + ":" + std::to_string(gid) + ":";
  if (user == nullptr) return text + "user" + std::to_string(uid) + ids + "container user:/:/bin/sh\n";
  return text + user->pw_name + ids + user->pw_gecos + ":" + user->pw_dir + ":/bin/sh\n";
}

std::string group_text(gid_t gid) {
  std::string text = "root:x:0:\nnogroup:x:65534:\n";
  if (gid == 0 || gid == kNobody) return text;
  struct group entry;
  std::vector<char> buffer;
  const struct group* group = look_up(getgrgid_r, gid, entry, buffer);
  const std::string name = group ? group->gr_name : "group" + std::to_string(gid);
  return text + name + ":x:" + std::to_string(gid) + ":\n";
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

std::string user_name(uid_t uid) {
  struct passwd entry;
  std::vector<char> buffer;
  const struct passwd* user = look_up(getpwuid_r, uid, entry, buffer);
  return user ? user->pw_name : "";
}

void bind_identity(int root, uid_t uid, gid_t gid) {
  const std::string passwd = passwd_text(uid, gid), group = group_text(gid);
  // The files need a file system that nobody else can see: a tmpfs at the guest's /dev, which the bind of the
  // host's /dev covers afterwards. (To unmount it would cost as much as all binds together.)
  tmpfs_into_image(root, "/dev", "mode=0755,size=4m");
  const Fd scratch = open_in_image(root, "/dev");
  bind_text(root, scratch.get(), "/etc/passwd", "passwd", passwd);
  bind_text(root, scratch.get(), "/etc/group", "group", group);
}

}  // namespace chrun
