#include "launcher/process/identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "launcher/files/image_path.h"
#include "launcher/files/mounts.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

constexpr const char* kPasswd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
constexpr const char* kGroup = "root:x:0:\nnogroup:x:65534:\n";

bool has_line_always(unsigned id) { return id == 0 || id == 65534; }

std::optional<unsigned> unless_always(unsigned id) {
  return has_line_always(id) ? std::nullopt : std::optional<unsigned>(id);
}

/// A field of a line, whatever a directory service answers.
std::string field(std::string text) {
  std::ranges::replace_if(
      text, [](char letter) { return letter == ':' || letter == '\n'; }, ' ');
  return text;
}

std::string user_line(const Names& names, uid_t uid, gid_t gid) {
  const std::string ids = ":x:" + std::to_string(uid) + ":" + std::to_string(gid) + ":";
  if (names.user.empty()) return "user" + std::to_string(uid) + ids + "container user:/:/bin/sh\n";
  return field(names.user) + ids + field(names.comment) + ":" + field(names.home) + ":/bin/sh\n";
}

std::string group_line(const Names& names, gid_t gid) {
  const std::string name = names.group.empty() ? "group" + std::to_string(gid) : field(names.group);
  return name + ":x:" + std::to_string(gid) + ":\n";
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
  if (!file) throw SysError(std::string("write ") + destination, "open");
  if (fchmod(file.get(), 0644) != 0) throw SysError(std::string("write ") + destination, "fchmod");
  place_mount(stage.copy(stage.files(), name, action).get(), place.get(), action);
  return file;
}

}  // namespace

Identity::Identity(uid_t uid, gid_t gid) : uid_(uid), gid_(gid), names_(unless_always(uid), unless_always(gid)) {}

void Identity::bind(Stage& stage, int root) {
  passwd_ = bind_file(stage, root, "passwd", "/etc/passwd");
  group_ = bind_file(stage, root, "group", "/etc/group");
}

void Identity::write() {
  const Names& names = names_.get();
  const std::string user = has_line_always(uid_) ? "" : user_line(names, uid_, gid_);
  const std::string group = has_line_always(gid_) ? "" : group_line(names, gid_);
  if (passwd_) write_all(passwd_.get(), kPasswd + user, "/etc/passwd");
  if (group_) write_all(group_.get(), kGroup + group, "/etc/group");
}

}  // namespace chrun
