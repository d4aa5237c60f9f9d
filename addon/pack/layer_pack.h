// The pack of a layer: its entries, and where the content of its files lies, compressed, in an image that was made of
// it. With it, another image that has the layer is made without reading the layer.
//
// A directory has the packs of the layers of one image, each called by its diff id, and the image itself as `image`, a
// second name of the same file: so packs take next to no room.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "pack/block_writer.h"
#include "pack/tar_reader.h"

namespace chrun::pack {

/// Where the content of a file lies in the image of a pack.
struct PackedContent {
  enum class Kind : uint8_t { none, small, large };
  Kind kind = Kind::none;  // none: that image does not have it
  Sha256::Digest digest{};
  uint32_t fragment = 0, offset = 0;
  uint64_t start = 0, hash = 0;
  std::vector<uint32_t> blocks;
};

/// A pack that was kept.
class LayerPack {
 public:
  /// None if there is none that can be used: it is missing, damaged, or was made in another way.
  static std::unique_ptr<LayerPack> open(const std::string& directory, const std::string& diff_id, int level);

  const std::vector<TarEntry>& entries() const { return entries_; }
  /// Of an entry, by its number.
  const PackedContent& content(size_t entry) const { return contents_[entry]; }
  const PackedImage& image() const { return image_; }
  uint64_t bytes() const { return bytes_; }  // of the archive
  const std::string& entries_record() const { return record_; }

 private:
  LayerPack() = default;
  void read(std::string_view text, int level);

  std::string record_;
  std::vector<TarEntry> entries_;
  std::vector<PackedContent> contents_;
  PackedImage image_;
  uint64_t bytes_ = 0;
};

/// A pack that is being made.
class PackDraft {
 public:
  /// The layer's next entry.
  void add(const TarEntry& entry);
  /// The content of the entry with that number is packed.
  void set_content(size_t entry, const InodePtr& inode);
  /// The same entries as another pack's.
  void take_entries(const LayerPack& pack);
  void set_bytes(uint64_t bytes) { bytes_ = bytes; }

  /// The whole file, once the image is complete.
  std::string text(const std::vector<Fragment>& fragments, int level) const;

 private:
  std::string entries_, record_;    // plain, or compressed
  std::vector<InodePtr> contents_;  // by the entry's number; none where that image does not have it
  std::vector<bool> has_content_;
  uint64_t bytes_ = 0;
};

}  // namespace chrun::pack
