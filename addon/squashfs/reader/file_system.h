// An opened image, ready to be read by any number of threads: the reader without FUSE.
#pragma once
#include "squashfs/reader/directory.h"
#include "squashfs/reader/file_data.h"
#include "squashfs/reader/inode.h"
#include "squashfs/reader/xattr.h"

namespace chrun::squashfs {

struct FileSystem {
  /// Throws Damage where the image can't be served. Cache sizes in bytes.
  FileSystem(Fd file, std::string name, uint64_t offset, size_t metadata_cache, size_t data_cache)
      : image(std::move(file), std::move(name), offset),
        metadata(image, metadata_cache),
        data(metadata, data_cache),
        xattrs(metadata) {}
  /// To be called before anything is read: the first thing that decompresses, so in the sandbox. Throws Damage.
  void open_root() { root = read_root(metadata); }
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  const Image image;
  const Metadata metadata;
  const FileData data;
  const Xattrs xattrs;
  Inode root{};
};

}  // namespace chrun::squashfs
