#include "host/file_questions.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "base/file_words.h"
#include "base/files.h"
#include "base/glob.h"
#include "base/image_path.h"
#include "base/records.h"

namespace chrun {
namespace {

constexpr size_t kLargestFile = 256 << 20;  // bytes; settings and device files are far smaller

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "directory";
  if (S_ISREG(mode)) return "file";
  if (S_ISLNK(mode)) return "link";
  if (S_ISCHR(mode)) return "c";
  if (S_ISBLK(mode)) return "b";
  return S_ISFIFO(mode) ? "p" : "other";
}

Words to_words(const struct stat& status) {
  return {kind_of(status.st_mode),        std::to_string(status.st_uid),
          std::to_string(status.st_gid),  mode_words(status.st_mode),
          std::to_string(status.st_dev),  std::to_string(status.st_ino),
          std::to_string(status.st_size), time_words(status.st_mtim),
          time_words(status.st_ctim),     device_words(status)};
}

Fd open_for_reading(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot("read " + path);
  return file;
}

Words content_of(const Fd& file, const std::string& name) {
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw Refused("fstat").cannot("look at " + name);
  Words words = {read_all(file.get(), name, kLargestFile), path_of(file.get())};
  const Words about = to_words(status);
  words.insert(words.end(), about.begin(), about.end());
  return words;
}

}  // namespace

Words status_of(const Words& arguments) {
  struct stat status;
  const bool follow = arguments.at(1) == "follow";
  if (fstatat(AT_FDCWD, arguments.at(0).c_str(), &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
    throw Refused("stat").cannot("look at " + arguments.at(0));
  return to_words(status);
}

Words file_content(const Words& arguments) { return content_of(open_for_reading(arguments.at(0)), arguments.at(0)); }

Words guest_file(const Words& arguments) {
  const Fd root(open(arguments[0].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw Refused("open").cannot("read the image " + arguments[0]);
  const Fd found = open_in_image(root.get(), arguments[1]);
  // to open a device or a pipe has effects
  if (!found || file_type(found.get(), arguments[1]) != S_IFREG) return {};
  return content_of(open_for_reading(descriptor_path(found.get())), arguments[1]);
}

Words file_part(const Words& arguments) {
  const Fd file = open_for_reading(arguments.at(0));
  std::string bytes(parse_number(arguments.at(2), kLargestFile, "the size of a part"), '\0');
  size_t got = 0;
  const auto offset = static_cast<off_t>(parse_number(arguments.at(1), LLONG_MAX, "the offset of a part"));
  while (got < bytes.size()) {
    const ssize_t more = pread(file.get(), &bytes[got], bytes.size() - got, offset + static_cast<off_t>(got));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) throw Refused("read").cannot("read " + arguments.at(0));
    if (more == 0) break;
    got += static_cast<size_t>(more);
  }
  bytes.resize(got);
  return {std::move(bytes)};
}

Words directory_entries(const Words& arguments) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(arguments.at(0).c_str()), closedir);
  if (!directory) throw Refused("opendir").cannot("list " + arguments.at(0));
  Words names;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

Words glob_matches(const Words& arguments) { return matching_paths(arguments.at(0)); }

Words create_file(const Words& arguments) {
  const Fd file(open(arguments[0].c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
  if (!file) throw Refused("open").cannot("write " + arguments[0]);
  write_all(file.get(), arguments[1], arguments[0]);
  return {};
}

Words working_directory(const Words&) {
  const std::unique_ptr<char, decltype(&free)> path(getcwd(nullptr, 0), free);
  if (!path) throw Refused("getcwd").cannot("find the working directory");
  return {path.get()};
}

Words file_system_type(const Words& arguments) {
  struct statfs status;
  if (statfs(arguments.at(0).c_str(), &status) != 0) throw Refused("statfs").cannot("look at " + arguments.at(0));
  return {std::to_string(static_cast<unsigned>(status.f_type))};
}

}  // namespace chrun
