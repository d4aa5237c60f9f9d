#include "squashfs/reader/inode.h"

#include <sys/stat.h>

namespace chrun::squashfs {
namespace {

void read_directory(Inode& inode, Cursor& at) {
  inode.listing.block = at.number<uint32_t>();
  inode.links = at.number<uint32_t>();
  inode.size = at.number<uint16_t>();
  inode.listing.offset = at.number<uint16_t>();
  inode.parent = at.number<uint32_t>();
}

void read_long_directory(Inode& inode, Cursor& at) {
  inode.links = at.number<uint32_t>();
  inode.size = at.number<uint32_t>();
  inode.listing.block = at.number<uint32_t>();
  inode.parent = at.number<uint32_t>();
  inode.index_count = at.number<uint16_t>();
  inode.listing.offset = at.number<uint16_t>();
  inode.xattr = at.number<uint32_t>();
}

void read_file(Inode& inode, Cursor& at) {
  inode.links = 1;
  inode.data = at.number<uint32_t>();
  inode.fragment = at.number<uint32_t>();
  inode.fragment_offset = at.number<uint32_t>();
  inode.size = at.number<uint32_t>();
  inode.blocks_512 = (inode.size + 511) / 512;
}

void read_long_file(Inode& inode, Cursor& at) {
  inode.data = at.number<uint64_t>();
  inode.size = at.number<uint64_t>();
  const auto sparse = at.number<uint64_t>();
  inode.links = at.number<uint32_t>();
  inode.fragment = at.number<uint32_t>();
  inode.fragment_offset = at.number<uint32_t>();
  inode.xattr = at.number<uint32_t>();
  const uint64_t real = sparse < inode.size ? inode.size - sparse : 0;
  inode.blocks_512 = real / 512 + (real % 512 != 0);
}

void read_link(Inode& inode, Cursor& at) {
  inode.links = at.number<uint32_t>();
  inode.size = at.number<uint32_t>();
}

void read_device(Inode& inode, Cursor& at, bool extended) {
  inode.links = at.number<uint32_t>();
  inode.device = at.number<uint32_t>();
  if (extended) inode.xattr = at.number<uint32_t>();
}

void read_pipe(Inode& inode, Cursor& at, bool extended) {
  inode.links = at.number<uint32_t>();
  if (extended) inode.xattr = at.number<uint32_t>();
}

void read_rest(Inode& inode, Cursor& at, bool extended) {
  switch (inode.type) {
    case Type::directory:
      return extended ? read_long_directory(inode, at) : read_directory(inode, at);
    case Type::file:
      return extended ? read_long_file(inode, at) : read_file(inode, at);
    case Type::symlink:
      return read_link(inode, at);
    case Type::block_device:
    case Type::char_device:
      return read_device(inode, at, extended);
    case Type::fifo:
    case Type::socket:
      return read_pipe(inode, at, extended);
  }
}

[[noreturn]] void damaged(const Metadata& metadata, const Inode& inode, const char* what) {
  throw Damage("image " + metadata.image().name() + " is damaged: inode " + std::to_string(inode.number) + " " + what);
}

/// Numbers that would make reading take forever, or overflow.
void check(const Metadata& metadata, const Inode& inode) {
  const Superblock& super = metadata.image().super();
  if (inode.type == Type::symlink && inode.size > kMaxSymlink) damaged(metadata, inode, "has too long a target");
  if (inode.type != Type::file) return;
  if (inode.size > INT64_MAX) damaged(metadata, inode, "has an impossible size");
  if (inode.data >= super.bytes_used) damaged(metadata, inode, "has its data outside of the image");
  // each block has four bytes in the inode table, which can't hold more than one metadata block for every three bytes
  const uint64_t room = ((super.directory_table - super.inode_table) / 3 + 1) * kMetadataSize;
  if (inode.block_count(super) > room / 4) damaged(metadata, inode, "has more blocks than the image can describe");
}

}  // namespace

uint32_t Inode::mode() const {
  static constexpr uint32_t kTypes[] = {0, S_IFDIR, S_IFREG, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK};
  return kTypes[static_cast<uint16_t>(type)] | (permissions & 07777);
}

uint64_t Inode::block_count(const Superblock& super) const {
  const bool partial = fragment == kNoFragment && size % super.block_size != 0;
  return (size >> super.block_log) + partial;
}

Inode read_inode(const Metadata& metadata, Reference reference) {
  const Superblock& super = metadata.image().super();
  if (reference.block >= super.directory_table - super.inode_table) {
    throw Damage("image " + metadata.image().name() + " is damaged: an inode lies outside of the inode table");
  }
  Cursor at(metadata, super.inode_table + reference.block, reference.offset);
  const auto type = at.number<uint16_t>();
  const bool extended = type > kExtended;
  Inode inode{};
  inode.reference = reference;
  inode.type = static_cast<Type>(extended ? type - kExtended : type);
  inode.permissions = at.number<uint16_t>();
  at.skip(4);  // user and group: every file is shown as the user's own
  inode.mtime = at.number<uint32_t>();
  inode.number = at.number<uint32_t>();
  inode.xattr = kNoFragment;
  if (type == 0 || type > 2 * kExtended) damaged(metadata, inode, "has no known type");
  read_rest(inode, at, extended);
  check(metadata, inode);
  inode.tail_block = at.block();
  inode.tail_offset = at.offset();
  if (inode.type == Type::symlink && extended) {
    at.skip(inode.size);
    inode.xattr = at.number<uint32_t>();
  }
  return inode;
}

Inode read_root(const Metadata& metadata) {
  const Inode root = read_inode(metadata, metadata.image().super().root);
  if (root.type != Type::directory) damaged(metadata, root, "is the root and not a directory");
  return root;
}

std::string read_symlink(const Metadata& metadata, const Inode& inode) {
  if (inode.type != Type::symlink) damaged(metadata, inode, "is not a symbolic link");
  std::string target(inode.size, '\0');
  inode.tail(metadata).read(target.data(), target.size());
  return target;
}

}  // namespace chrun::squashfs
