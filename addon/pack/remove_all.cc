#include "pack/remove_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>

#include "base/error.h"
#include "base/fd.h"

namespace chrun::pack {
namespace {

void remove_below(int directory, const char* name, const std::string& path) {
  if (unlinkat(directory, name, 0) == 0) return;
  if (errno != EISDIR && errno != EPERM) throw Refused("unlink").cannot("remove " + path);
  // a directory that we can't search is ours all the same
  fchmodat(directory, name, 0700, 0);
  Fd inside(openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!inside) throw Refused("open").cannot("remove " + path);
  const int number = inside.get();
  const std::unique_ptr<DIR, int (*)(DIR*)> list(fdopendir(number), closedir);
  if (!list) throw Refused("opendir").cannot("remove " + path);
  inside.release();
  while (const dirent* entry = readdir(list.get())) {
    const std::string below = entry->d_name;
    if (below != "." && below != "..") remove_below(number, below.c_str(), path + "/" + below);
  }
  if (unlinkat(directory, name, AT_REMOVEDIR) != 0) throw Refused("rmdir").cannot("remove " + path);
}

}  // namespace

void remove_all(const std::string& path) { remove_below(AT_FDCWD, path.c_str(), path); }

}  // namespace chrun::pack
