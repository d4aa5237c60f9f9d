#include "pack/squashfs_writer.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "pack/metadata_writer.h"

namespace chrun::pack {
namespace {

using squashfs::kDirectoryRun;
using squashfs::kExtended;
using squashfs::kMetadataSize;
using squashfs::kMetadataStored;
using squashfs::kNoTable;
using squashfs::kSuperblockSize;
using squashfs::Reference;
using squashfs::Type;

constexpr uint64_t kPadding = 4096;  // loop devices read whole pages
constexpr uint16_t kNoFragments = 0x10, kDuplicates = 0x40, kNoXattrs = 0x200, kOptions = 0x400;  // flags
constexpr uint32_t kNoXattr = 0xffffffff;
constexpr uint32_t kListingExtra = 3;  // a directory's size counts . and ..
constexpr size_t kMostIndexes = 0xffff;

Type type_of(const Inode& inode) {
  switch (inode.kind) {
    case Inode::Kind::directory:
      return Type::directory;
    case Inode::Kind::symlink:
      return Type::symlink;
    case Inode::Kind::fifo:
      return Type::fifo;
    case Inode::Kind::file:
    case Inode::Kind::pending:
      return Type::file;
  }
  __builtin_unreachable();
}

/// A file of many little-endian numbers, before it is written.
class Bytes {
 public:
  template <typename Number>
  Bytes& number(Number value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    memcpy(bytes_.data() + at, &value, sizeof value);
    return *this;
  }
  std::span<const uint8_t> all() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

class Tables {
 public:
  Tables(int file, uint64_t end, int level)
      : file_(file), position_(end), level_(level), compressor_(level), inodes_(compressor_), listings_(compressor_) {}

  uint64_t write(Node& root, const std::vector<Fragment>& fragments) {
    root.inode->number = 1;
    count_ = 1;
    number_below(root);
    write_directory(root, count_ + 1);
    Superblock super;
    super.root = root.inode->reference;
    super.inodes = append(inodes_.finish());
    super.directories = append(listings_.finish());
    super.fragments = fragments.empty() ? kNoTable : write_fragments(fragments);
    super.ids = write_ids();
    super.xattrs = xattrs_.empty() ? kNoTable : write_xattrs();
    super.fragment_count = static_cast<uint32_t>(fragments.size());
    return write_super(super);
  }

 private:
  struct Superblock {
    uint64_t root, inodes, directories, fragments, ids, xattrs;
    uint32_t fragment_count;
  };
  using Xattrs = std::vector<std::pair<std::string, std::string>>;

  /// Numbers of one directory's files follow each other, so that its listing needs few headers.
  void number_below(Node& directory) {
    for (auto& [name, child] : directory.children)
      if (child->inode->number == 0) child->inode->number = ++count_;
    for (auto& [name, child] : directory.children)
      if (!child->children.empty()) number_below(*child);
  }

  uint64_t append(std::span<const uint8_t> bytes) {
    const uint64_t start = position_;
    while (!bytes.empty()) {
      const ssize_t put = pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(position_));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) throw Refused("pwrite").cannot("write the image");
      bytes = bytes.subspan(static_cast<size_t>(put));
      position_ += static_cast<size_t>(put);
    }
    return start;
  }

  uint32_t xattr_of(const Inode& inode) {
    if (inode.xattrs.empty()) return kNoXattr;
    return xattrs_.try_emplace(inode.xattrs, static_cast<uint32_t>(xattrs_.size())).first->second;
  }

  void begin_inode(Inode& inode, Type type, bool extended) {
    inode.reference = inodes_.position().pack();
    inodes_.number<uint16_t>(static_cast<uint16_t>(type) + (extended ? kExtended : 0));
    inodes_.number<uint16_t>(inode.permissions);
    inodes_.number<uint32_t>(0);  // user and group: number 0 of the table
    inodes_.number<uint32_t>(inode.mtime);
    inodes_.number<uint32_t>(inode.number);
  }

  void write_file(Inode& inode, uint32_t xattr) {
    const bool extended = xattr != kNoXattr || inode.links > 1 || inode.holes > 0 || (inode.start | inode.size) >> 32;
    begin_inode(inode, Type::file, extended);
    if (extended) {
      inodes_.number<uint64_t>(inode.start);
      inodes_.number<uint64_t>(inode.size);
      inodes_.number<uint64_t>(inode.holes);
      inodes_.number<uint32_t>(inode.links);
      inodes_.number<uint32_t>(inode.fragment);
      inodes_.number<uint32_t>(inode.fragment_offset);
      inodes_.number<uint32_t>(xattr);
    } else {
      inodes_.number<uint32_t>(static_cast<uint32_t>(inode.start));
      inodes_.number<uint32_t>(inode.fragment);
      inodes_.number<uint32_t>(inode.fragment_offset);
      inodes_.number<uint32_t>(static_cast<uint32_t>(inode.size));
    }
    for (const uint32_t word : inode.blocks) inodes_.number<uint32_t>(word);
  }

  void write_other(Inode& inode) {
    const uint32_t xattr = xattr_of(inode);
    const bool extended = xattr != kNoXattr;
    const Type type = type_of(inode);
    if (type == Type::file) return write_file(inode, xattr);
    begin_inode(inode, type, extended);
    inodes_.number<uint32_t>(inode.links);
    if (type == Type::symlink) {
      inodes_.number<uint32_t>(static_cast<uint32_t>(inode.target.size()));
      inodes_.add({reinterpret_cast<const uint8_t*>(inode.target.data()), inode.target.size()});
    }
    if (extended) inodes_.number<uint32_t>(xattr);
  }

  struct Index {
    uint32_t listing_byte;
    uint32_t block;
    std::string name;
  };

  /// What is below comes first: a listing says where each inode lies.
  void write_directory(Node& node, uint32_t parent) {
    for (auto& [name, child] : node.children) {
      Inode& inode = *child->inode;
      if (inode.kind == Inode::Kind::directory)
        write_directory(*child, node.inode->number);
      else if (inode.reference == Inode::kUnwritten)
        write_other(inode);
    }
    const Reference start = listings_.position();
    std::vector<Index> index;
    const uint64_t size = write_listing(node, index);
    if (size + kListingExtra > UINT32_MAX) throw Error("a directory has too many entries for SquashFS");
    write_directory_inode(*node.inode, start, static_cast<uint32_t>(size + kListingExtra), index, parent);
  }

  uint64_t write_listing(const Node& node, std::vector<Index>& index) {
    uint64_t size = 0;
    uint64_t indexed = listings_.position().block;
    for (auto each = node.children.begin(); each != node.children.end();) {
      const Inode& first = *each->second->inode;
      const uint64_t block = Reference::unpack(first.reference).block;
      auto end = each;
      uint32_t count = 0;
      for (; end != node.children.end() && count < kDirectoryRun; ++end, ++count) {
        const Inode& inode = *end->second->inode;
        const int64_t distance = int64_t{inode.number} - first.number;
        if (Reference::unpack(inode.reference).block != block || distance != static_cast<int16_t>(distance)) break;
      }
      // where reading may begin: at a header, once for each block of the table
      if (listings_.position().block != indexed && index.size() < kMostIndexes) {
        indexed = listings_.position().block;
        index.push_back({static_cast<uint32_t>(size), static_cast<uint32_t>(indexed), each->first});
      }
      listings_.number<uint32_t>(count - 1);
      listings_.number<uint32_t>(static_cast<uint32_t>(block));
      listings_.number<uint32_t>(first.number);
      size += 12;
      for (; each != end; ++each) size += write_entry(each->first, *each->second->inode, first.number);
    }
    return size;
  }

  uint64_t write_entry(const std::string& name, const Inode& inode, uint32_t base) {
    listings_.number<uint16_t>(static_cast<uint16_t>(Reference::unpack(inode.reference).offset));
    listings_.number<int16_t>(static_cast<int16_t>(int64_t{inode.number} - base));
    listings_.number<uint16_t>(static_cast<uint16_t>(type_of(inode)));
    listings_.number<uint16_t>(static_cast<uint16_t>(name.size() - 1));
    listings_.add({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
    return 8 + name.size();
  }

  void write_directory_inode(Inode& inode, Reference start, uint32_t size, const std::vector<Index>& index,
                             uint32_t parent) {
    const uint32_t xattr = xattr_of(inode);
    const bool extended = xattr != kNoXattr || !index.empty() || size > UINT16_MAX;
    begin_inode(inode, Type::directory, extended);
    const auto block = static_cast<uint32_t>(start.block);
    if (!extended) {
      inodes_.number<uint32_t>(block);
      inodes_.number<uint32_t>(inode.links);
      inodes_.number<uint16_t>(static_cast<uint16_t>(size));
      inodes_.number<uint16_t>(static_cast<uint16_t>(start.offset));
      inodes_.number<uint32_t>(parent);
      return;
    }
    inodes_.number<uint32_t>(inode.links);
    inodes_.number<uint32_t>(size);
    inodes_.number<uint32_t>(block);
    inodes_.number<uint32_t>(parent);
    inodes_.number<uint16_t>(static_cast<uint16_t>(index.size()));
    inodes_.number<uint16_t>(static_cast<uint16_t>(start.offset));
    inodes_.number<uint32_t>(xattr);
    for (const Index& each : index) {
      inodes_.number<uint32_t>(each.listing_byte);
      inodes_.number<uint32_t>(each.block);
      inodes_.number<uint32_t>(static_cast<uint32_t>(each.name.size() - 1));
      inodes_.add({reinterpret_cast<const uint8_t*>(each.name.data()), each.name.size()});
    }
  }

  /// A table, and after it where its blocks are; returns where that list is.
  uint64_t write_indexed(MetadataWriter& table, std::span<const uint8_t> header = {}) {
    const uint64_t start = append(table.finish());
    Bytes places;
    for (const uint64_t block : table.blocks()) places.number<uint64_t>(start + block);
    const uint64_t at = append(header);
    append(places.all());
    return at;
  }

  uint64_t write_fragments(const std::vector<Fragment>& fragments) {
    MetadataWriter table(compressor_);
    for (const Fragment& fragment : fragments) {
      table.number<uint64_t>(fragment.start);
      table.number<uint32_t>(fragment.word);
      table.number<uint32_t>(0);
    }
    return write_indexed(table);
  }

  uint64_t write_ids() {
    MetadataWriter table(compressor_);
    table.number<uint32_t>(0);
    return write_indexed(table);
  }

  uint64_t write_xattrs() {
    constexpr std::string_view kUser = "user.";  // type 0
    std::vector<const Xattrs*> sets(xattrs_.size());
    for (const auto& [set, number] : xattrs_) sets[number] = &set;
    MetadataWriter pairs(compressor_), table(compressor_);
    for (const Xattrs* set : sets) {
      table.number<uint64_t>(pairs.position().pack());
      uint32_t size = 0;
      for (const auto& [name, value] : *set) {
        const size_t length = name.size() - kUser.size();
        pairs.number<uint16_t>(0);
        pairs.number<uint16_t>(static_cast<uint16_t>(length));
        pairs.add({reinterpret_cast<const uint8_t*>(name.data()) + kUser.size(), length});
        pairs.number<uint32_t>(static_cast<uint32_t>(value.size()));
        pairs.add({reinterpret_cast<const uint8_t*>(value.data()), value.size()});
        size += static_cast<uint32_t>(name.size() + 1 + value.size());
      }
      table.number<uint32_t>(static_cast<uint32_t>(set->size()));
      table.number<uint32_t>(size);
    }
    const uint64_t start = append(pairs.finish());
    Bytes header;
    header.number<uint64_t>(start).number<uint32_t>(static_cast<uint32_t>(sets.size())).number<uint32_t>(0);
    return write_indexed(table, header.all());
  }

  uint64_t write_super(const Superblock& super) {
    const uint64_t end = position_;
    uint16_t flags = kDuplicates | kOptions;
    if (super.fragment_count == 0) flags |= kNoFragments;
    if (super.xattrs == kNoTable) flags |= kNoXattrs;
    Bytes bytes;
    bytes.number(squashfs::kMagic).number<uint32_t>(count_).number<uint32_t>(0);  // when it was made: always the same
    bytes.number<uint32_t>(kBlockSize).number<uint32_t>(super.fragment_count);
    bytes.number<uint16_t>(static_cast<uint16_t>(squashfs::Compressor::zstd));
    bytes.number<uint16_t>(std::countr_zero(kBlockSize)).number<uint16_t>(flags).number<uint16_t>(1);
    bytes.number<uint16_t>(4).number<uint16_t>(0).number<uint64_t>(super.root).number<uint64_t>(end);
    bytes.number<uint64_t>(super.ids).number<uint64_t>(super.xattrs).number<uint64_t>(super.inodes);
    bytes.number<uint64_t>(super.directories).number<uint64_t>(super.fragments).number<uint64_t>(kNoTable);
    // what it was compressed with, for tools that show it
    bytes.number<uint16_t>(kMetadataStored | sizeof(uint32_t)).number<uint32_t>(static_cast<uint32_t>(level_));
    position_ = 0;
    append(bytes.all());
    const uint64_t whole = (end + kPadding - 1) / kPadding * kPadding;
    if (ftruncate(file_, static_cast<off_t>(end)) != 0 || ftruncate(file_, static_cast<off_t>(whole)) != 0)
      throw Refused("ftruncate").cannot("write the image");
    return whole;
  }

  const int file_;
  uint64_t position_;
  const int level_;
  Compressor compressor_;
  MetadataWriter inodes_, listings_;
  uint32_t count_ = 0;
  std::map<Xattrs, uint32_t> xattrs_;
};

}  // namespace

uint64_t data_start() { return kSuperblockSize + sizeof(uint16_t) + sizeof(uint32_t); }

uint64_t write_tables(int file, uint64_t end, Node& root, const std::vector<Fragment>& fragments, int level) {
  return Tables(file, end, level).write(root, fragments);
}

}  // namespace chrun::pack
