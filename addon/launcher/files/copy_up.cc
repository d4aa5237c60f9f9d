#include "launcher/files/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/fd.h"

namespace chrun {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

class CopyUp {
 public:
  explicit CopyUp(const std::string& path) : action_("copy " + path + " up into a tmpfs") {}

  void copy_directory(int from, int to) const {
    Fd readable(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!readable) throw Refused("open").cannot(action_);
    const std::unique_ptr<DIR, CloseDirectory> entries(fdopendir(readable.get()));
    if (!entries) throw Refused("open").cannot(action_);
    const int directory = readable.release();
    while (const dirent* entry = readdir(entries.get())) {
      if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) copy(directory, to, entry->d_name);
    }
  }

 private:
  void copy(int from, int to, const char* name) const {
    struct stat status;
    check("stat", fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW));
    if (S_ISDIR(status.st_mode)) {
      check("mkdir", mkdirat(to, name, 0700));
      const Fd source = open(from, name, O_PATH | O_DIRECTORY), target = open(to, name, O_RDONLY | O_DIRECTORY);
      copy_directory(source.get(), target.get());
      own(target, status);
    } else if (S_ISREG(status.st_mode)) {
      const Fd source = open(from, name, O_RDONLY), target = open(to, name, O_CREAT | O_EXCL | O_WRONLY);
      ssize_t sent;
      do sent = sendfile(target.get(), source.get(), nullptr, 1 << 30);
      while (sent > 0 || (sent < 0 && errno == EINTR));
      check("sendfile", static_cast<int>(sent));
      own(target, status);
    } else if (S_ISLNK(status.st_mode)) {
      std::string text(static_cast<size_t>(status.st_size) + 1, '\0');
      const ssize_t size = readlinkat(from, name, text.data(), text.size());
      check("readlink", static_cast<int>(size));
      text.resize(static_cast<size_t>(size));
      check("symlink", symlinkat(text.c_str(), to, name));
      check_owner(fchownat(to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW));
    }
  }

  Fd open(int directory, const char* name, int flags) const {
    Fd file(openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw Refused("open").cannot(action_);
    return file;
  }

  void own(const Fd& file, const struct stat& status) const {
    check_owner(fchown(file.get(), status.st_uid, status.st_gid));
    check("chmod", fchmod(file.get(), status.st_mode & 07777));
    const timespec times[] = {status.st_atim, status.st_mtim};
    check("utimens", futimens(file.get(), times));
  }

  /// Who is not mapped in the user namespace can own nothing new: the copy is ours.
  void check_owner(int result) const {
    if (result < 0 && errno != EINVAL) check("chown", result);
  }

  void check(const char* call, int result) const {
    if (result < 0) throw Refused(call).cannot(action_);
  }

  const std::string action_;
};

}  // namespace

void copy_up(int from, int to, const std::string& path) {
  const Fd target(openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!target) throw Refused("open").cannot("copy " + path + " up into a tmpfs");
  CopyUp(path).copy_directory(from, target.get());
}

}  // namespace chrun
