// Remembered reads: which blocks of an image a command needed first, in that order. The next server for the same
// command reads them ahead (server/reads_ahead.h). A record is only ever advice: whatever is in it, the blocks that it
// names are checked like any others, and what nobody asks for is dropped.
#pragma once
#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "squashfs/reader/block_cache.h"

namespace chrun::squashfs {

/// A block that was needed: of metadata, whose key has no word, or of data, fragments included.
struct NeededBlock {
  BlockKey key;
  bool metadata;
};

/// What a record is about: Image::identity(), and the hash of a command's program and script.
struct ReadsKey {
  uint64_t image, command;
  bool operator==(const ReadsKey&) const = default;
};

inline constexpr size_t kMostReads = 64 << 10;   // bytes of a record
inline constexpr size_t kMostShipped = 1 << 20;  // bytes after an image that are searched for records
inline constexpr char kReadsEnding[] = ".reads";

/// The name of a record's file: as those of remembered plans, with an ending.
std::string reads_name(const ReadsKey& key);

/// A record of at most kMostReads bytes: of the first blocks, where there are more.
std::string encode_reads(const ReadsKey& key, const std::vector<NeededBlock>& blocks);

/// How many blocks a record claims to have, at most as many as fit; 0 if it is not a record. For what is prepared
/// before the record itself may be looked at.
size_t count_of_reads(std::string_view record);

/// The blocks of a record for this key; nothing if it is another's, or damaged.
std::optional<std::vector<NeededBlock>> decode_reads(std::string_view record, const ReadsKey& key);

/// Opens the file of a record if it is this user's alone and not too long; `status` is that of the file.
Fd open_reads(int directory, const char* name, struct stat& status);

/// The same of the first record for this key among any bytes.
std::optional<std::vector<NeededBlock>> find_reads(std::string_view bytes, const ReadsKey& key);

/// Takes a record of any command for this image off the front; nothing where there is none, or it is damaged.
struct ShippedReads {
  uint64_t command;
  std::string_view record;
};
std::optional<ShippedReads> take_reads(std::string_view& bytes, uint64_t image);

}  // namespace chrun::squashfs
