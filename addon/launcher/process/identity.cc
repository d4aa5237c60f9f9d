#include "launcher/process/identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/image_path.h"
#include "launcher/files/mounts.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

constexpr unsigned kRoot = 0, kNobody = 65534;

/// Root is called so everywhere.
std::optional<unsigned> unless_root(unsigned id) { return id == kRoot ? std::nullopt : std::optional<unsigned>(id); }

/// What an id is called that the host does not know.
std::string stand_in(unsigned id, const char* kind, const char* nobody) {
  if (id == kRoot) return "root";
  return id == kNobody ? nobody : kind + std::to_string(id);
}

/// A field of a line, whatever a directory service answers.
std::string field(std::string text) {
  std::ranges::replace_if(
      text, [](char letter) { return letter == ':' || letter == '\n'; }, ' ');
  return text;
}

std::string user_line(const Names& names, uid_t uid, gid_t gid, const std::string& home) {
  std::string name = field(names.user), comment = field(names.comment);
  if (name.empty()) {
    name = stand_in(uid, "user", "nobody");
    comment = uid == kRoot || uid == kNobody ? name : "container user";
  }
  return name + ":x:" + std::to_string(uid) + ":" + std::to_string(gid) + ":" + comment + ":" + field(home) +
         ":/bin/sh\n";
}

std::string passwd_text(const Names& names, uid_t uid, gid_t gid, const std::string& home) {
  const std::string root = uid == kRoot ? "" : "root:x:0:0:root:/root:/bin/sh\n",
                    nobody = uid == kNobody ? "" : "nobody:x:65534:65534:nobody:/:/bin/false\n",
                    user = user_line(names, uid, gid, home);
  return uid == kRoot ? user + nobody : root + nobody + user;
}

std::string group_text(const Names& names, gid_t gid) {
  const std::string name = names.group.empty() ? stand_in(gid, "group", "nogroup") : field(names.group),
                    own = gid == kRoot ? "" : name + ":x:" + std::to_string(gid) + ":\n";
  return std::string("root:x:0:\n") + (gid == kNobody ? "" : "nogroup:x:65534:\n") + own;
}

/// An empty file bound over `destination`; none if the image does not have that.
Fd bind_file(Stage& stage, int root, const char* name, const char* destination) {
  const Fd place = open_in_image(root, destination);
  if (!place) {
    log::warning(std::string("there is no ") + destination + " in the image: your user has no name inside");
    return {};
  }
  const std::string action = std::string("bind ") + destination;
  Fd file(openat(stage.files(), name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
  if (!file) throw Refused("open").cannot(std::string("write ") + destination);
  if (fchmod(file.get(), 0644) != 0) throw Refused("fchmod").cannot(std::string("write ") + destination);
  place_mount(stage.copy(stage.files(), name, action).get(), place.get(), action);
  return file;
}

}  // namespace

Identity::Identity(uid_t uid, gid_t gid) : uid_(uid), gid_(gid), names_(unless_root(uid), unless_root(gid)) {}

void Identity::bind(Stage& stage, int root) {
  passwd_ = bind_file(stage, root, "passwd", "/etc/passwd");
  group_ = bind_file(stage, root, "group", "/etc/group");
}

void Identity::write(const std::string& home) {
  const Names& names = names_.get();
  if (passwd_) write_all(passwd_.get(), passwd_text(names, uid_, gid_, home), "/etc/passwd");
  if (group_) write_all(group_.get(), group_text(names, gid_), "/etc/group");
}

std::string default_home() {
  struct stat root_home;
  return stat("/root", &root_home) == 0 && S_ISDIR(root_home.st_mode) ? "/root" : "/";
}

}  // namespace chrun
