#include "pack/export_tar.h"

#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "pack/interrupt.h"
#include "pack/tar_writer.h"
#include "squashfs/reader/read_file.h"
#include "squashfs/reader/work.h"

namespace chrun::pack {
namespace {

using squashfs::DirectoryReader;
using squashfs::FileSystem;
using squashfs::Inode;
using squashfs::Reference;
using squashfs::Type;
using Kind = TarEntry::Kind;

constexpr size_t kMetadataCache = 4 << 20, kDataCache = 8 << 20;
constexpr size_t kPart = 1 << 20;  // bytes read at a time
constexpr uint16_t kPermissions = 01777;

class Export {
 public:
  Export(Fd file, const std::string& name, uint64_t offset, Sink& output)
      : files_(std::move(file), name, offset, kMetadataCache, kDataCache), tar_(output) {
    files_.open_root();
  }

  Exported run() {
    put(files_.root, Kind::directory, "./");
    visit(files_.root, "");
    std::string digest = tar_.finish();
    return {std::move(digest), tar_.size(), left_out_};
  }

 private:
  TarEntry describe(const Inode& inode, Kind kind, const std::string& path) const {
    TarEntry entry{};
    entry.name = path;
    entry.kind = kind;
    entry.mode = inode.permissions & kPermissions;
    entry.mtime = inode.mtime;
    const std::string names = files_.xattrs.list(inode);
    for (size_t start = 0; start < names.size(); start = names.find('\0', start) + 1) {
      const std::string name = names.c_str() + start;
      if (!name.starts_with("user.")) continue;
      if (const auto value = files_.xattrs.get(inode, name)) entry.xattrs.emplace_back(name, *value);
    }
    return entry;
  }

  void put(const Inode& inode, Kind kind, const std::string& path) { tar_.begin(describe(inode, kind, path)); }

  void visit(const Inode& directory, const std::string& below) {
    if (!directories_.insert(directory.reference.pack()).second)
      throw Error(visible("/" + below) + ": the directory is in the image twice");
    squashfs::Work::current().begin(0);
    std::vector<std::pair<std::string, Reference>> entries;
    DirectoryReader reader(files_.metadata, directory);
    while (const auto entry = reader.next()) {
      std::string name(entry->name);
      if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos)
        throw Error(visible("/" + below + name) + ": no file can have that name");
      entries.emplace_back(std::move(name), entry->inode);
    }
    for (const auto& [name, reference] : entries) {
      check_signals();
      squashfs::Work::current().begin(0);
      add(squashfs::read_inode(files_.metadata, reference), below + name);
    }
  }

  void add(const Inode& inode, const std::string& path) {
    if (inode.type != Type::directory && inode.links > 1) {
      const auto [known, fresh] = linked_.try_emplace(inode.reference.pack(), path);
      if (!fresh) {
        TarEntry entry = describe(inode, Kind::hard_link, path);
        entry.target = known->second;
        entry.xattrs.clear();
        return tar_.begin(entry);
      }
    }
    switch (inode.type) {
      case Type::directory:
        put(inode, Kind::directory, path + "/");
        return visit(inode, path + "/");
      case Type::file:
        return add_file(inode, path);
      case Type::symlink: {
        TarEntry entry = describe(inode, Kind::symlink, path);
        entry.target = read_symlink(files_.metadata, inode);
        return tar_.begin(entry);
      }
      case Type::fifo:
        return put(inode, Kind::fifo, path);
      case Type::block_device:
      case Type::char_device:
      case Type::socket:
        linked_.erase(inode.reference.pack());
        ++left_out_;
    }
  }

  void add_file(const Inode& inode, const std::string& path) {
    TarEntry entry = describe(inode, Kind::file, path);
    entry.size = inode.size;
    tar_.begin(entry);
    for (uint64_t offset = 0; offset < inode.size; offset += kPart) {
      check_signals();
      squashfs::Work::current().begin(0);
      for (const squashfs::Slice& slice : files_.data.read(inode, offset, kPart)) {
        if (slice.block)
          tar_.content({slice.block->bytes.get() + slice.offset, slice.size});
        else
          tar_.zeros(slice.size);
      }
    }
    tar_.end();
  }

  FileSystem files_;
  TarWriter tar_;
  uint64_t left_out_ = 0;
  std::unordered_set<uint64_t> directories_;
  std::unordered_map<uint64_t, std::string> linked_;
};

}  // namespace

Exported export_tar(Fd file, const std::string& name, uint64_t offset, Sink& output) {
  return Export(std::move(file), name, offset, output).run();
}

std::string read_file(Fd file, const std::string& name, uint64_t offset, const std::string& path, size_t most) {
  FileSystem files(std::move(file), name, offset, kMetadataCache, kDataCache);
  files.open_root();
  return squashfs::read_file(files, path, most).value_or("");
}

}  // namespace chrun::pack
