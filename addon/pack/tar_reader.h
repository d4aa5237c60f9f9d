// Reads tar archives strictly: V7, ustar, pax and GNU's, with sparse files. What is not sound is refused, with the
// entry.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pack/source.h"

namespace chrun::pack {

struct TarEntry {
  enum class Kind { file, hard_link, symlink, directory, fifo, device };
  std::string name;  // as it stands there: bytes
  Kind kind;
  std::string target;  // of a link
  uint16_t mode;
  int64_t mtime;      // seconds since 1970
  uint64_t size;      // of the content, holes included
  uint64_t position;  // of the content in the archive
  std::vector<std::pair<std::string, std::string>> xattrs;
};

class TarReader {
 public:
  /// `needs_end`: an archive that stops without its end mark counts as cut short. Where a digest is checked, it need
  /// not.
  TarReader(Source& source, bool needs_end);

  /// The next entry, or nothing at the end of the archive. What was not read of the one before is skipped.
  std::optional<TarEntry> next();
  /// Content of the entry: fills `to`, less only at the end.
  size_t read(std::span<uint8_t> to);
  /// Reads what follows the end of the archive, for the digest.
  void finish();

 private:
  struct Part {
    uint64_t offset, size;
  };
  struct Records;
  bool fill(std::span<uint8_t> to);
  void take(std::span<uint8_t> to);
  void skip(uint64_t size);
  bool skip_some(uint64_t size);
  std::string take_text(uint64_t size, const char* what);
  bool take_header(std::span<uint8_t> header);
  void parse_records(const std::string& text, Records& records) const;
  std::optional<TarEntry> entry_of(std::span<const uint8_t> header, Records& records);
  void begin_sparse(std::span<const uint8_t> header, const Records& records, TarEntry& entry);
  void read_old_sparse_map(std::span<const uint8_t> header);
  void read_text_sparse_map();
  void check_sparse_map(uint64_t size) const;
  [[noreturn]] void refuse(const std::string& what) const;

  Source& source_;
  const bool needs_end_;
  std::vector<uint8_t> buffer_;
  size_t at_ = 0, end_ = 0;
  uint64_t position_ = 0;            // in the archive
  std::string name_;                 // of the entry, for messages
  uint64_t stored_ = 0;              // bytes of content that are left in the archive
  uint64_t padding_ = 0;             // and what fills its last block
  uint64_t logical_ = 0, size_ = 0;  // where reading the content is
  std::vector<Part> parts_;          // of a sparse file: where the stored bytes belong
  size_t part_ = 0;
};

}  // namespace chrun::pack
