#include "pack/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "pack/interrupt.h"
#include "pack/remove_all.h"
#include "squashfs/reader/file_system.h"
#include "squashfs/reader/work.h"

namespace chrun::pack {
namespace {

using squashfs::DirectoryReader;
using squashfs::FileSystem;
using squashfs::Inode;
using squashfs::Reference;
using squashfs::Type;

constexpr size_t kMetadataCache = 4 << 20, kDataCache = 8 << 20;
constexpr size_t kPart = 1 << 20;  // bytes read at a time
constexpr mode_t kPermissions = 01777;

class Unpacker {
 public:
  Unpacker(Fd file, const std::string& name, uint64_t offset)
      : files_(std::move(file), name, offset, kMetadataCache, kDataCache) {
    files_.open_root();
  }

  Unpacked run(const Fd& root) {
    root_ = root.get();
    fill(files_.root, root.get(), "");
    set_attributes(files_.root, root.get(), "/");
    return {entries_, left_out_};
  }

 private:
  struct Entry {
    std::string name;
    Reference inode;
  };

  [[noreturn]] void fail(const char* call, const std::string& path) const {
    throw Refused(call).cannot("create " + visible(path) + " of the image");
  }

  /// The names of a directory, all that a kernel would take.
  std::vector<Entry> names_of(const Inode& directory, const std::string& path) {
    squashfs::Work::current().begin(0);
    std::vector<Entry> found;
    DirectoryReader reader(files_.metadata, directory);
    while (const auto entry = reader.next()) {
      const std::string name(entry->name);
      if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos)
        throw Error(visible(path + "/" + name) + ": no file can have that name");
      found.push_back({name, entry->inode});
    }
    return found;
  }

  void fill(const Inode& directory, int place, const std::string& path) {
    if (!directories_.insert(directory.reference.pack()).second)
      throw Error(visible(path) + ": the directory is in the image twice");
    for (const Entry& entry : names_of(directory, path)) {
      check_signals();
      ++entries_;
      squashfs::Work::current().begin(0);
      make(squashfs::read_inode(files_.metadata, entry.inode), place, entry.name, path + "/" + entry.name);
    }
  }

  void make(const Inode& inode, int place, const std::string& name, const std::string& path) {
    if (inode.type != Type::directory && inode.links > 1) {
      const auto [known, fresh] = linked_.try_emplace(inode.reference.pack(), path.substr(1));
      if (!fresh) {
        if (linkat(root_, known->second.c_str(), place, name.c_str(), 0) != 0) fail("link", path);
        return;
      }
    }
    switch (inode.type) {
      case Type::directory:
        return make_directory(inode, place, name, path);
      case Type::file:
        return make_file(inode, place, name, path);
      case Type::symlink:
        return make_link(inode, place, name, path);
      case Type::fifo:
        if (mkfifoat(place, name.c_str(), inode.permissions & kPermissions) != 0) fail("mkfifo", path);
        return;
      case Type::block_device:
      case Type::char_device:
      case Type::socket:
        linked_.erase(inode.reference.pack());
        ++left_out_;
        return;
    }
  }

  void make_directory(const Inode& inode, int place, const std::string& name, const std::string& path) {
    if (mkdirat(place, name.c_str(), 0700) != 0) fail("mkdir", path);
    const Fd made(openat(place, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) fail("open", path);
    fill(inode, made.get(), path);
    set_attributes(inode, made.get(), path);
  }

  void make_link(const Inode& inode, int place, const std::string& name, const std::string& path) {
    const std::string target = read_symlink(files_.metadata, inode);
    if (symlinkat(target.c_str(), place, name.c_str()) != 0) fail("symlink", path);
    const timespec times[] = {{inode.mtime, 0}, {inode.mtime, 0}};
    if (utimensat(place, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) fail("utimensat", path);
  }

  void make_file(const Inode& inode, int place, const std::string& name, const std::string& path) {
    const Fd made(openat(place, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!made) fail("open", path);
    if (ftruncate(made.get(), static_cast<off_t>(inode.size)) != 0) fail("ftruncate", path);
    for (uint64_t offset = 0; offset < inode.size; offset += kPart) {
      check_signals();
      squashfs::Work::current().begin(0);
      uint64_t at = offset;
      for (const squashfs::Slice& slice : files_.data.read(inode, offset, kPart)) {
        // holes stay holes
        if (slice.block) write_at(made.get(), {slice.block->bytes.get() + slice.offset, slice.size}, at, path);
        at += slice.size;
      }
    }
    set_attributes(inode, made.get(), path);
  }

  void write_at(int file, std::span<const uint8_t> bytes, uint64_t at, const std::string& path) const {
    while (!bytes.empty()) {
      const ssize_t put = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("pwrite", path);
      bytes = bytes.subspan(static_cast<size_t>(put));
      at += static_cast<size_t>(put);
    }
  }

  void set_attributes(const Inode& inode, int file, const std::string& path) const {
    const std::string names = files_.xattrs.list(inode);
    for (size_t start = 0; start < names.size(); start = names.find('\0', start) + 1) {
      const char* name = names.c_str() + start;
      if (!std::string_view(name).starts_with("user.")) continue;
      const auto value = files_.xattrs.get(inode, name);
      // not every file system has them
      if (value && fsetxattr(file, name, value->data(), value->size(), 0) != 0 && errno != ENOTSUP && errno != ENOSPC)
        fail("fsetxattr", path);
    }
    const timespec times[] = {{inode.mtime, 0}, {inode.mtime, 0}};
    if (futimens(file, times) != 0) fail("futimens", path);
    if (fchmod(file, inode.permissions & kPermissions) != 0) fail("fchmod", path);
  }

  FileSystem files_;
  int root_ = -1;
  uint64_t entries_ = 0, left_out_ = 0;
  std::unordered_set<uint64_t> directories_;
  std::unordered_map<uint64_t, std::string> linked_;  // files of several names, by inode: the first name
};

}  // namespace

Unpacked unpack(Fd file, const std::string& name, uint64_t offset, const std::string& directory) {
  Unpacker unpacker(std::move(file), name, offset);
  if (mkdir(directory.c_str(), 0700) != 0) throw Refused("mkdir").cannot("create " + directory);
  try {
    const Fd root(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) throw Refused("open").cannot("create " + directory);
    return unpacker.run(root);
  } catch (...) {
    remove_all(directory);
    throw;
  }
}

}  // namespace chrun::pack
