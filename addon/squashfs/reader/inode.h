// Inodes: what is known about a file apart from its names.
#pragma once
#include "squashfs/reader/metadata.h"

namespace chrun::squashfs {

struct Inode {
  Reference reference;
  Type type;
  uint16_t permissions;
  uint32_t mtime;
  uint32_t number;
  uint32_t links;
  uint32_t xattr;  // index in the xattr table; kNoFragment: none
  uint64_t size;   // bytes of a file or symlink; of a directory its listing
  uint64_t blocks_512;

  // directory
  Reference listing;  // in the directory table
  uint32_t parent;    // inode number
  uint32_t index_count;

  // file
  uint64_t data;  // where its first block lies
  uint32_t fragment;
  uint32_t fragment_offset;

  uint32_t device;

  // what follows in the inode table: a file's block sizes, a directory's index, a symlink's target
  uint64_t tail_block;
  uint32_t tail_offset;

  /// File type and permissions as stat(2) has them.
  uint32_t mode() const;
  Cursor tail(const Metadata& metadata) const { return {metadata, tail_block, tail_offset}; }
  /// Whole blocks of a file; its last bytes may lie in a fragment instead.
  uint64_t block_count(const Superblock& super) const;
};

/// Throws Damage where there is no sound inode.
Inode read_inode(const Metadata& metadata, Reference reference);
Inode read_root(const Metadata& metadata);

std::string read_symlink(const Metadata& metadata, const Inode& inode);

}  // namespace chrun::squashfs
