#include "squashfs/reader/read_file.h"

#include <vector>

#include "base/error.h"
#include "squashfs/reader/work.h"

namespace chrun::squashfs {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's MAXSYMLINKS

/// The components of a path, the next one last.
std::vector<std::string> components(const std::string& path) {
  std::vector<std::string> found;
  for (size_t end = path.size();;) {
    const size_t slash = end == 0 ? std::string::npos : path.rfind('/', end - 1);
    const size_t start = slash == std::string::npos ? 0 : slash + 1;
    if (start < end) found.push_back(path.substr(start, end - start));
    if (slash == std::string::npos) return found;
    end = slash;
  }
}

/// The file at a path, with all links followed.
std::optional<Inode> find(const FileSystem& files, const std::string& path) {
  std::vector<std::string> ahead = components(path);
  std::vector<Inode> trail{files.root};  // directories on the way, for `..`
  std::optional<Inode> found = files.root;
  for (int links = 0; !ahead.empty();) {
    const std::string name = std::move(ahead.back());
    ahead.pop_back();
    if (found->type != Type::directory) return {};
    if (name == ".") continue;
    if (name == "..") {
      if (trail.size() > 1) trail.pop_back();
      found = trail.back();
      continue;
    }
    const auto entry = find_entry(files.metadata, trail.back(), name);
    if (!entry) return {};
    found = read_inode(files.metadata, *entry);
    if (found->type == Type::symlink) {
      if (++links > kMostLinks) return {};
      const std::string target = read_symlink(files.metadata, *found);
      if (target.starts_with('/')) trail.resize(1, files.root);
      for (std::string& each : components(target)) ahead.push_back(std::move(each));
      found = trail.back();
    } else if (found->type == Type::directory) {
      trail.push_back(*found);
    }
  }
  return found;
}

}  // namespace

std::optional<std::string> read_file(const FileSystem& files, const std::string& path, size_t most) {
  Work::current().begin(0);
  const auto file = find(files, path);
  if (!file || file->type != Type::file) return {};
  if (file->size > most) throw Error(path + " in the image has more than " + std::to_string(most) + " bytes");
  std::string text;
  for (const Slice& slice : files.data.read(*file, 0, file->size)) {
    if (slice.block)
      text.append(reinterpret_cast<const char*>(slice.block->bytes.get()) + slice.offset, slice.size);
    else
      text.append(slice.size, '\0');
  }
  return text;
}

}  // namespace chrun::squashfs
