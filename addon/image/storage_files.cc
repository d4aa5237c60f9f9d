#include "image/storage_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "base/image_path.h"
#include "pack/remove_all.h"

namespace chrun {
namespace {

/// So that a name is on the disk not before, and not without, what it leads to.
void sync_directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == 0 || slash == path.npos ? "/" : path.substr(0, slash);
  const Fd file(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // not every file system can, and none needs it for the name to be seen
  if (file) fsync(file.get());
}

}  // namespace

NewFile::NewFile(const std::string& path, mode_t mode)
    : path_(path), file_(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)) {
  if (!file_) throw Refused("open").cannot("create " + path);
}

NewFile::~NewFile() {
  if (!kept_) unlink(path_.c_str());
}

void NewFile::keep() {
  if (fsync(file_.get()) != 0) throw Refused("fsync").cannot("write " + path_);
  kept_ = true;
}

Fd nameless_file(const std::string& directory) {
  Fd file(open(directory.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (file) return file;
  // not every file system has that
  std::string name = directory + "/spool.XXXXXX";
  file = Fd(mkostemp(name.data(), O_CLOEXEC));
  if (!file) throw Refused("open").cannot("create a file in " + directory);
  unlink(name.c_str());
  return file;
}

Words make_directories(const Words& arguments) { return make_directories(arguments, 0755); }

Words make_directories(const Words& arguments, mode_t mode) {
  const std::string& path = arguments.at(0);
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), mode) != 0 && errno != EEXIST) throw Refused("mkdir").cannot("create " + part);
    if (end == path.npos) return {};
  }
}

Words make_in_image(const Words& arguments) {
  const Fd root(open(arguments.at(0).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw Refused("open").cannot("open " + arguments.at(0));
  create_in_image(root.get(), arguments.at(1), false);
  return {};
}

Words save_text(const Words& arguments) { return save_text(arguments, 0644); }

Words save_text(const Words& arguments, mode_t mode) {
  const std::string& path = arguments.at(0);
  const std::string draft = path + ".new-" + std::to_string(getpid());
  unlink(draft.c_str());
  NewFile file(draft, mode);
  write_all(file.get(), arguments.at(1), path);
  file.keep();
  return rename_path({draft, path});
}

Words link_file(const Words& arguments) {
  if (link(arguments.at(0).c_str(), arguments.at(1).c_str()) != 0)
    throw Refused("link").cannot("give " + arguments.at(0) + " another name");
  return {};
}

Words count_names(const Words& arguments) {
  struct stat status;
  const bool there = lstat(arguments.at(0).c_str(), &status) == 0;
  if (!there && errno != ENOENT) throw Refused("stat").cannot("examine " + arguments.at(0));
  return {std::to_string(there ? status.st_nlink : 0)};
}

Words rename_path(const Words& arguments) {
  if (rename(arguments.at(0).c_str(), arguments.at(1).c_str()) != 0) {
    const Refused refused("rename");
    unlink(arguments.at(0).c_str());
    throw refused.cannot("create " + arguments.at(1));
  }
  sync_directory(arguments.at(1));
  return {};
}

Words remove_tree(const Words& arguments) {
  pack::remove_all(arguments.at(0));
  return {};
}

}  // namespace chrun
