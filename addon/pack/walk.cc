#include "pack/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

namespace chrun::pack {
namespace {

using Kind = TarEntry::Kind;

class Walk {
 public:
  Walk(const std::string& directory, const TakeEntry& take, Attributes attributes)
      : directory_(directory), take_(take), marks_(attributes == Attributes::with_overlay_marks) {}

  void run() {
    const Fd root(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) throw Refused("open").cannot("read " + directory_);
    struct stat status;
    if (fstat(root.get(), &status) != 0) fail("fstat", "");
    TarEntry entry = describe(status, ".");
    take_(entry, -1);
    visit(root, "");
  }

 private:
  [[noreturn]] void fail(const char* call, const std::string& path) const {
    throw Refused(call).cannot("read " + visible(directory_ + "/" + path));
  }

  std::vector<std::string> names_of(const Fd& directory, const std::string& path) const {
    Fd copy(openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> list(copy ? fdopendir(copy.get()) : nullptr, closedir);
    if (!list) fail("opendir", path);
    copy.release();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(list.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) fail("readdir", path);
    std::ranges::sort(names);
    return names;
  }

  static TarEntry describe(const struct stat& status, const std::string& path) {
    TarEntry entry{};
    entry.name = path;
    entry.mode = static_cast<uint16_t>(status.st_mode & 07777);
    entry.mtime = status.st_mtim.tv_sec;
    switch (status.st_mode & S_IFMT) {
      case S_IFREG:
        entry.kind = Kind::file;
        entry.size = static_cast<uint64_t>(status.st_size);
        break;
      case S_IFDIR:
        entry.kind = Kind::directory;
        break;
      case S_IFLNK:
        entry.kind = Kind::symlink;
        break;
      case S_IFIFO:
        entry.kind = Kind::fifo;
        break;
      default:
        entry.kind = Kind::device;
    }
    return entry;
  }

  void visit(const Fd& directory, const std::string& below) {
    for (const std::string& name : names_of(directory, below)) {
      const std::string path = below + name;
      struct stat status;
      if (fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) fail("stat", path);
      TarEntry entry = describe(status, path);
      if (marks_ && S_ISCHR(status.st_mode) && status.st_rdev == 0)
        entry.xattrs.emplace_back("user.overlay.whiteout", "");
      // whiteouts are links of each other
      if (entry.kind != Kind::directory && entry.kind != Kind::device && status.st_nlink > 1) {
        const auto [known, fresh] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
        if (!fresh) {
          entry.kind = Kind::hard_link;
          entry.target = known->second;
          take_(entry, -1);
          continue;
        }
      }
      take_one(directory, name, path, entry);
    }
  }

  void take_one(const Fd& directory, const std::string& name, const std::string& path, TarEntry& entry) {
    if (entry.kind == Kind::symlink) {
      char target[4096];
      const ssize_t size = readlinkat(directory.get(), name.c_str(), target, sizeof target);
      if (size < 0) fail("readlink", path);
      entry.target.assign(target, static_cast<size_t>(size));
    }
    if (entry.kind != Kind::file && entry.kind != Kind::directory) return take_(entry, -1);
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const Fd file(openat(directory.get(), name.c_str(), flags));
    if (!file) fail("open", path);
    add_xattrs(file, entry);
    take_(entry, entry.kind == Kind::file ? file.get() : -1);
    if (entry.kind == Kind::directory) visit(file, path + "/");
  }

  void add_xattrs(const Fd& file, TarEntry& entry) const {
    std::string names(65536, '\0');
    const ssize_t size = flistxattr(file.get(), names.data(), names.size());
    for (ssize_t at = 0; at < size;) {
      const std::string name = names.c_str() + at;
      at += static_cast<ssize_t>(name.size()) + 1;
      if (!name.starts_with("user.") && !(marks_ && name.starts_with("trusted.overlay."))) continue;
      std::string value(65536, '\0');
      const ssize_t length = fgetxattr(file.get(), name.c_str(), value.data(), value.size());
      if (length < 0) continue;
      value.resize(static_cast<size_t>(length));
      entry.xattrs.emplace_back(name, std::move(value));
    }
  }

  const std::string& directory_;
  const TakeEntry& take_;
  const bool marks_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

}  // namespace

void walk_directory(const std::string& directory, const TakeEntry& take, Attributes attributes) {
  Walk(directory, take, attributes).run();
}

}  // namespace chrun::pack
