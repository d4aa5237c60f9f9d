#include "base/image_path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/system_calls.h"

namespace chrun {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's MAXSYMLINKS
constexpr int kMostTries = 10;

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start < path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    if (end > start) parts.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool is_missing(int code) { return code == ENOENT || code == ENOTDIR; }

std::string read_link(int directory, const std::string& name) {
  char target[4096];
  const ssize_t size = readlinkat(directory, name.c_str(), target, sizeof target);
  if (size < 0) throw Refused("readlinkat").cannot("read the symbolic link " + name);
  return {target, static_cast<size_t>(size)};
}

/// RESOLVE_IN_ROOT by hand, for kernels before 5.6: walks name by name and keeps the directories that
/// it came through, so that `..` goes back the same way and stops at the root.
Fd walk_in_image(int root, const std::string& path, bool follow) {
  auto parts = split_path(path);
  std::vector<Fd> trail;
  const auto here = [&] { return trail.empty() ? root : trail.back().get(); };
  int links = 0;
  for (size_t i = 0; i < parts.size(); i++) {
    const std::string part = parts[i];
    if (part == ".") continue;
    if (part == "..") {
      if (!trail.empty()) trail.pop_back();
      continue;
    }
    Fd next(openat(here(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return next;
    if (file_type(next.get(), path) != S_IFLNK || (!follow && i + 1 == parts.size())) {
      trail.push_back(std::move(next));
      continue;
    }
    if (++links > kMostLinks) return errno = ELOOP, Fd();
    const std::string target = read_link(here(), part);
    if (target.starts_with('/')) trail.clear();
    auto ahead = split_path(target);
    ahead.insert(ahead.end(), parts.begin() + static_cast<ptrdiff_t>(i) + 1, parts.end());
    parts = std::move(ahead);
    i = static_cast<size_t>(-1);
  }
  return trail.empty() ? Fd(openat(root, ".", O_PATH | O_CLOEXEC)) : std::move(trail.back());
}

Fd try_open(int root, const std::string& path, bool follow = true) {
  const OpenHow how{O_PATH | O_CLOEXEC | (follow ? 0u : O_NOFOLLOW), 0, kResolveInRoot};
  Fd found;
  int tries = 0;
  do {
    found = Fd(static_cast<int>(syscall(kOpenat2, root, path.c_str(), &how, sizeof how)));
    // EAGAIN: while a `..` was followed, something was renamed or mounted, anywhere on the machine
  } while (!found && errno == EAGAIN && ++tries < kMostTries);
  // EPERM: seccomp filters of older container engines answer so for calls that they do not know
  if (!found && (errno == ENOSYS || errno == EPERM || errno == EAGAIN)) return walk_in_image(root, path, follow);
  return found;
}

/// The modes are as given, whatever the user's umask is.
void make_entry(int directory, const std::string& name, const std::string& path, bool file) {
  if (file) {
    const Fd made(openat(directory, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!made && errno != EEXIST) throw Refused("open").cannot("create " + path + " in the image");
    if (made && fchmod(made.get(), 0644) != 0) throw Refused("fchmod").cannot("create " + path + " in the image");
  } else if (mkdirat(directory, name.c_str(), 0755) != 0) {
    if (errno != EEXIST) throw Refused("mkdir").cannot("create " + path + " in the image");
  } else if (fchmodat(directory, name.c_str(), 0755, 0) != 0) {
    throw Refused("chmod").cannot("create " + path + " in the image");
  }
}

}  // namespace

mode_t file_type(int fd, const std::string& name) {
  struct stat status;
  if (fstat(fd, &status) != 0) throw Refused("fstat").cannot("examine " + name);
  return status.st_mode & S_IFMT;
}

std::string descriptor_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::string path_of(int fd) {
  char path[4096];
  const ssize_t size = readlink(descriptor_path(fd).c_str(), path, sizeof path);
  return {path, static_cast<size_t>(std::max(size, ssize_t{0}))};
}

Fd open_in_image(int root, const std::string& path) {
  Fd found = try_open(root, path);
  if (!found && !is_missing(errno)) throw Refused("openat2").cannot("find " + path + " in the image");
  return found;
}

Fd open_link_in_image(int root, const std::string& path) {
  Fd link = try_open(root, path, false);
  if (!link && !is_missing(errno)) throw Refused("openat2").cannot("find " + path + " in the image");
  if (link && file_type(link.get(), path) != S_IFLNK) link = Fd();
  return link;
}

Fd create_in_image(int root, const std::string& path, bool want_file) {
  const auto parts = split_path(path);
  std::string reached;
  Fd parent = open_in_image(root, "/");
  for (size_t i = 0; i < parts.size(); i++) {
    reached += "/" + parts[i];
    Fd next = open_in_image(root, reached);
    if (!next) {
      make_entry(parent.get(), parts[i], reached, want_file && i + 1 == parts.size());
      next = open_in_image(root, reached);
      if (!next) throw Error("can't create " + path + " in the image: " + reached + " is a broken symbolic link");
    }
    parent = std::move(next);
  }
  return parent;
}

Gap find_gap(int root, const std::string& path) {
  Gap gap;
  gap.parent = open_in_image(root, "/");
  for (size_t end = path.find_first_not_of('/'); end != std::string::npos; end = path.find_first_not_of('/', end)) {
    gap.rest = path.substr(end);
    end = std::min(path.find('/', end), path.size());
    Fd next = open_in_image(root, path.substr(0, end));
    if (!next) return gap;
    gap.parent = std::move(next);
    gap.parent_path = path.substr(0, end);
  }
  gap.rest.clear();
  return gap;
}

void write_in_image(int root, const std::string& path, const std::string& text) {
  const size_t slash = path.rfind('/');
  const Fd directory = open_in_image(root, path.substr(0, slash + 1));
  if (!directory) return;
  const std::string name = path.substr(slash + 1);
  const Fd file(openat(directory.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file && errno == EEXIST) return;
  if (!file) throw Refused("open").cannot("write " + path + " in the image");
  if (fchmod(file.get(), 0644) != 0) throw Refused("fchmod").cannot("write " + path + " in the image");
  write_all(file.get(), text, path);
}

}  // namespace chrun
