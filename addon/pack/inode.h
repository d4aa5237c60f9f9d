// What is packed of a file: attributes, and where its content went.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace chrun::pack {

struct Inode {
  enum class Kind : uint8_t { directory, file, symlink, fifo, pending };
  Kind kind = Kind::directory;
  uint16_t permissions = 0755;
  uint32_t mtime = 0;
  uint32_t links = 0;
  uint32_t number = 0;
  std::string target;                                       // of a symbolic link
  std::vector<std::pair<std::string, std::string>> xattrs;  // "user.NAME", value
  // content of a file
  static constexpr uint32_t kNoFragment = 0xffffffff;
  uint64_t size = 0, start = 0, holes = 0;
  std::vector<uint32_t> blocks;  // stored sizes, as SquashFS has them
  uint32_t fragment = kNoFragment, fragment_offset = 0;
  uint64_t hash = 0;                    // of the blocks
  std::array<uint8_t, 32> digest = {};  // SHA-256, of a file that is smaller than a block
  // pending: a hard link to what another layer may have
  std::shared_ptr<Inode> same_as;
  // written: where it lies in the inode table
  static constexpr uint64_t kUnwritten = ~uint64_t{0};
  uint64_t reference = kUnwritten;
};

using InodePtr = std::shared_ptr<Inode>;

}  // namespace chrun::pack
