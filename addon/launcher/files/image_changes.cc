#include "launcher/files/image_changes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <string_view>

#include "base/error.h"
#include "base/image_path.h"

namespace chrun {
namespace {

std::string read_link(int directory, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(directory, name.c_str(), target, sizeof target);
  return size < 0 ? std::string() : std::string(target, static_cast<size_t>(size));
}

/// The guest path of an open directory, without links.
std::string path_in_image(int root, int directory) {
  const std::string top = read_link(AT_FDCWD, descriptor_path(root));
  const std::string path = read_link(AT_FDCWD, descriptor_path(directory));
  return path.substr(top == "/" ? 0 : top.size());
}

/// Opens directory `name` of the upper directory, made with this mode if it is not there.
Fd enter_directory(int parent, const std::string& name, mode_t mode, const std::string& path) {
  if (mkdirat(parent, name.c_str(), 0700) == 0) {
    if (fchmodat(parent, name.c_str(), mode, 0) != 0) throw Refused("chmod").cannot("create " + path + " in the image");
  } else if (errno != EEXIST) {
    throw Refused("mkdir").cannot("create " + path + " in the image");
  }
  Fd directory(openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw Refused("open").cannot("create " + path + " in the image");
  return directory;
}

/// The directory in the upper directory for guest directory `path`. What the image has on the way keeps its mode: in an
/// overlay the attributes of the upper directory count.
Fd upper_directory(const ChangedImage& image, const std::string& path) {
  const Gap gap = find_gap(image.root, path);
  const std::string there = path_in_image(image.root, gap.parent.get());
  const std::string whole = there + "/" + gap.rest;
  Fd directory(openat(image.upper, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (size_t start = 0, end; start < whole.size(); start = end + 1) {
    end = std::min(whole.find('/', start), whole.size());
    const std::string name = whole.substr(start, end - start);
    if (name.empty() || name == ".") continue;
    // from a directory that is made here, it could lead out of the upper directory
    if (name == "..") throw Error("can't create " + path + " in the image: it has .. in a part that is not there yet");
    struct stat status;
    const std::string reached = whole.substr(0, end);
    const bool exists = end <= there.size() && fstatat(image.root, ("." + reached).c_str(), &status, 0) == 0;
    const mode_t mode = exists ? status.st_mode & 07777 : 0755;
    directory = enter_directory(directory.get(), name, mode, path);
  }
  return directory;
}

Fd directory_for(const ChangedImage& image, const std::string& path) {
  return image.upper < 0 ? create_in_image(image.root, path, false) : upper_directory(image, path);
}

void make_link(int directory, const std::string& target, const std::string& name, const std::string& path) {
  if (symlinkat(target.c_str(), directory, name.c_str()) == 0) return;
  if (errno != EEXIST) throw Refused("symlink").cannot("create the symbolic link " + path + " in the image");
  if (read_link(directory, name) == target) return;
  if (unlinkat(directory, name.c_str(), 0) != 0) {
    if (errno == EISDIR) throw Error("can't create the symbolic link " + path + ": there is a directory in the image");
    throw Refused("unlink").cannot("remove " + path + " from the image");
  }
  if (symlinkat(target.c_str(), directory, name.c_str()) != 0)
    throw Refused("symlink").cannot("create the symbolic link " + path + " in the image");
}

/// A directory in the upper one would hide what the image has under its name.
void refuse_to_hide(int root, const std::string& path) {
  const Gap gap = find_gap(root, path);
  if (file_type(gap.parent.get(), gap.parent_path) != S_IFDIR)
    throw Refused("mkdir", ENOTDIR).cannot("create " + path + " in the image");
  const std::string first = path.substr(0, path.find('/', path.size() - gap.rest.size()));
  if (open_link_in_image(root, first))
    throw Error("can't create " + path + " in the image: " + first + " is a broken symbolic link");
}

}  // namespace

void make_links(const ChangedImage& image, const std::string& path, const std::vector<Link>& links) {
  const Fd directory = directory_for(image, path);
  for (const auto& [target, name] : links) make_link(directory.get(), target, name, path + "/" + name);
}

void place_in_image(const ChangedImage& image, const std::string& path, bool want_file) {
  if (open_in_image(image.root, path) || (want_file && open_link_in_image(image.root, path))) return;
  refuse_to_hide(image.root, path);
  if (!want_file) {
    directory_for(image, path);
    return;
  }
  const size_t slash = path.rfind('/');
  const Fd directory = directory_for(image, path.substr(0, slash + 1));
  constexpr int kNew = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
  const Fd file(openat(directory.get(), path.c_str() + slash + 1, kNew, 0644));
  if (!file && errno == EEXIST) return;
  if (!file) throw Refused("open").cannot("create " + path + " in the image");
  if (fchmod(file.get(), 0644) != 0) throw Refused("fchmod").cannot("create " + path + " in the image");
}

void change_mode_in_image(int root, mode_t mode, const std::string& path) {
  const Fd file = open_in_image(root, path);
  if (!file) return;
  if (::chmod(descriptor_path(file.get()).c_str(), mode) != 0)
    throw Refused("chmod").cannot("change the mode of " + path + " in the image");
}

}  // namespace chrun
