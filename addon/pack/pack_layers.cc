#include "pack/pack_layers.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/processors.h"
#include "base/text.h"
#include "pack/arriving_file.h"
#include "pack/block_writer.h"
#include "pack/decompress.h"
#include "pack/interrupt.h"
#include "pack/layer_pack.h"
#include "pack/progress.h"
#include "pack/squashfs_writer.h"
#include "pack/walk.h"

namespace chrun::pack {
namespace {

class Packer {
 public:
  explicit Packer(const PackRequest& request)
      : request_(request),
        drafts_(request.keep_packs ? request.layers.size() : 0),
        blocks_(request.output, data_start(), request.level, request.threads),
        progress_(request.progress, total_size(request)) {}

  Packed run() {
    const auto count = static_cast<int>(request_.layers.size());
    std::vector<std::string> diff_ids(request_.layers.size());
    for (const AddedFile& file : request_.files) add_file(count, file);
    tree_.end_layer(count);
    blocks_.end_layer();
    for (int i = count; i-- > 0;) {
      const Layer& layer = request_.layers[static_cast<size_t>(i)];
      try {
        diff_ids[static_cast<size_t>(i)] = layer.directory ? pack_directory(i, layer) : pack_layer(i, layer);
      } catch (const Error& failure) {
        throw_reworded(failure, layer.name + ": " + failure.what());
      }
      blocks_.end_layer();
      group_ = 0;
    }
    try {
      tree_.settle();
    } catch (const Error& failure) {
      const auto at = static_cast<size_t>(std::max(tree_.settling(), 0));
      throw_reworded(failure, (at < request_.layers.size() ? request_.layers[at].name + ": " : "") + failure.what());
    }
    const uint64_t end = blocks_.finish();
    const uint64_t size = write_tables(request_.output, end, tree_.root(), blocks_.fragments(), request_.level);
    std::map<std::string, std::string> packs;
    for (size_t i = drafts_.size(); i-- > 0;)
      if (!diff_ids[i].empty() && !packs.contains(diff_ids[i]))
        packs.emplace(diff_ids[i], drafts_[i].text(blocks_.fragments(), request_.level));
    return {tree_.entries(), bytes_, size, tree_.left_out(), std::move(diff_ids), known_, std::move(packs)};
  }

 private:
  static uint64_t total_size(const PackRequest& request) {
    uint64_t sum = 0;
    for (const Layer& layer : request.layers) sum += layer.size;
    return sum;
  }

  void add_file(int layer, const AddedFile& file) {
    // a real directory: no link of the image is followed
    for (size_t end = file.name.find('/'); end != file.name.npos; end = file.name.find('/', end + 1)) {
      TarEntry above{};
      above.name = file.name.substr(0, end);
      above.kind = TarEntry::Kind::directory;
      above.mode = 0755;
      tree_.add(layer, above);
    }
    TarEntry entry{};
    entry.name = file.name;
    entry.kind = TarEntry::Kind::file;
    entry.mode = 0644;
    entry.size = file.text.size();
    const InodePtr inode = tree_.add(layer, entry);
    size_t at = 0;
    pack_content(inode, [&](std::span<uint8_t> to) {
      memcpy(to.data(), file.text.data() + at, to.size());
      at += to.size();
    });
  }

  /// `fill` gives the content, piece by piece.
  template <typename Fill>
  void pack_content(const InodePtr& inode, Fill fill) {
    uint64_t left = inode->size;
    if (left == 0) return;
    if (left < kBlockSize) {
      small_.resize(left);
      fill(small_.bytes());
      return blocks_.add_small(inode, small_.bytes());
    }
    while (left > 0) {
      Buffer block = blocks_.take_buffer();
      block.resize(std::min<uint64_t>(left, kBlockSize));
      fill(block.bytes());
      left -= block.size();
      blocks_.add_block(inode, std::move(block));
    }
    blocks_.end_file(inode);
  }

  std::string pack_directory(int number, const Layer& layer) {
    progress_.begin_part(layer.name, 0);
    walk_directory(layer.path, [&](const TarEntry& entry, int content) {
      check_signals();
      check_entries(entry);
      bytes_ += entry.size;
      check_bytes(bytes_, entry.name);
      const InodePtr inode = tree_.add_plain(number, entry);
      if (!inode) return;
      FilePart part(content, 0, entry.size);
      pack_content(inode, [&](std::span<uint8_t> to) {
        check_signals();
        for (size_t done = 0; done < to.size();) done += part.read(to.subspan(done));
      });
    });
    tree_.end_layer(number);
    return {};
  }

  void check_entries(const TarEntry& entry) const {
    if (tree_.entries() < request_.most_entries) return;
    throw Error(visible(entry.name) + ": the image has more than " + std::to_string(request_.most_entries) + " entries",
                "if you trust it, raise --most-entries");
  }

  /// Small files of a layer make groups by their sizes, whether they are visible or not.
  void count_group(const TarEntry& entry) {
    if (entry.kind != TarEntry::Kind::file || entry.size >= kBlockSize) return;
    if (group_ + entry.size > kBlockSize) {
      blocks_.end_group();
      group_ = 0;
    }
    group_ += entry.size;
  }

  PackDraft* draft_of(int number) { return drafts_.empty() ? nullptr : &drafts_[static_cast<size_t>(number)]; }

  /// Returns the diff id.
  std::string pack_layer(int number, const Layer& layer) {
    progress_.begin_part(layer.name, layer.size);
    if (const auto pack = LayerPack::open(layer.pack, layer.diff_id, request_.level))
      return pack_known(number, layer, *pack);
    PackDraft* draft = draft_of(number);
    std::string diff_id = read_layer(number, layer, true, [&](size_t, const TarEntry& entry) {
      check_entries(entry);
      if (draft) draft->add(entry);
      count_group(entry);
      return tree_.add(number, entry);
    });
    if (tree_.end_layer(number)) {
      // rare: a hard link whose content is hidden under its other name
      read_layer(number, layer, false, [&](size_t, const TarEntry& entry) { return tree_.add_again(entry); });
      tree_.end_again();
    }
    return diff_id;
  }

  using Inodes = std::vector<InodePtr>;  // whose content is wanted, by the entry's number

  /// A layer whose entries are known, and most likely its content.
  std::string pack_known(int number, const Layer& layer, const LayerPack& pack) {
    const auto& entries = pack.entries();
    Inodes first, again;
    for (const TarEntry& entry : entries) {
      check_signals();
      check_entries(entry);
      first.push_back(tree_.add(number, entry));
    }
    if (tree_.end_layer(number)) {
      for (const TarEntry& entry : entries) again.push_back(tree_.add_again(entry));
      tree_.end_again();
    }
    if (PackDraft* draft = draft_of(number)) draft->take_entries(pack);
    const auto has = [&](const Inodes& inodes) {
      for (size_t i = 0; i < inodes.size(); ++i)
        if (inodes[i] && inodes[i]->size > 0 && pack.content(i).kind == PackedContent::Kind::none) return false;
      return true;
    };
    if (!has(first) || !has(again)) {
      const auto known = [&](const Inodes& inodes, bool groups) {
        return [&, groups](size_t i, const TarEntry& entry) {
          if (i >= entries.size() || entry.name != entries[i].name || entry.size != entries[i].size)
            throw Error(visible(entry.name) + ": the layer with its diff id has no such entry");
          if (groups) count_group(entry);
          return inodes[i];
        };
      };
      std::string diff_id = read_layer(number, layer, true, known(first, true));
      if (!again.empty()) read_layer(number, layer, false, known(again, false));
      return diff_id;
    }
    bytes_ += pack.bytes();
    check_bytes(bytes_, layer.name);
    for (size_t i = 0; i < entries.size(); ++i) {
      count_group(entries[i]);
      copy_content(number, i, first[i], pack);
    }
    for (size_t i = 0; i < again.size(); ++i) copy_content(number, i, again[i], pack);
    progress_.at(layer.size);
    ++known_;
    return layer.diff_id;
  }

  void copy_content(int number, size_t entry, const InodePtr& inode, const LayerPack& pack) {
    if (!inode || inode->size == 0) return;
    check_signals();
    const PackedContent& content = pack.content(entry);
    if (content.kind == PackedContent::Kind::small) {
      inode->digest = content.digest;
      blocks_.add_small_copied(inode, pack.image(), content.fragment, content.offset);
    } else {
      inode->blocks = content.blocks;
      inode->hash = content.hash;
      blocks_.add_copied(inode, pack.image(), content.start);
    }
    if (PackDraft* draft = draft_of(number)) draft->set_content(entry, inode);
  }

  std::unique_ptr<Source> open_layer(const Layer& layer) const {
    if (request_.stop) return std::make_unique<ArrivingFile>(layer.path, layer.size, *request_.stop);
    Fd file(open(layer.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) throw Refused("open").cannot("read " + layer.path);
    return std::make_unique<FilePart>(std::move(file), layer.offset, layer.size);
  }

  /// `take` gives the inode whose content is wanted. Returns the diff id, after the first reading.
  template <typename Take>
  std::string read_layer(int number, const Layer& layer, bool first, Take take) {
    const auto part = open_layer(layer);
    Hashed stored(*part, layer.digest.empty() ? Hashed::Kind::counted : Hashed::Kind::hashed);
    const auto plain = decompressed(stored);
    Hashed archive(*plain);
    TarReader reader(archive, layer.digest.empty() && layer.diff_id.empty());
    PackDraft* draft = draft_of(number);
    for (size_t i = 0;; ++i) {
      const auto entry = reader.next();
      if (!entry) break;
      check_signals();
      const InodePtr inode = take(i, *entry);
      if (inode) pack_content(inode, [&](std::span<uint8_t> to) { read_whole(reader, to, *entry); });
      if (inode && draft) draft->set_content(i, inode);
      if (!first) continue;
      progress_.at(stored.size());
      check_bytes(bytes_ + archive.size(), entry->name);
    }
    reader.finish();
    if (!first) return {};
    bytes_ += archive.size();
    if (draft) draft->set_bytes(archive.size());
    check_bytes(bytes_, layer.name);
    if (stored.size() != layer.size) throw Error("data follow the end of the compressed archive");
    check("digest", layer.digest, layer.digest.empty() ? "" : stored.digest());
    const std::string diff_id = archive.digest();
    check("diff id", layer.diff_id, diff_id);
    return diff_id;
  }

  void read_whole(TarReader& reader, std::span<uint8_t> to, const TarEntry& entry) {
    check_signals();
    if (reader.read(to) != to.size()) throw Error(visible(entry.name) + ": its content is cut short");
  }

  void check_bytes(uint64_t bytes, const std::string& where) const {
    if (bytes <= request_.most_bytes) return;
    throw Error(visible(where) + ": the layers have more than " + std::to_string(request_.most_bytes) + " bytes",
                "if you trust the image, raise --most-bytes");
  }

  static void check(const char* what, const std::string& wanted, const std::string& found) {
    if (wanted.empty() || wanted == found) return;
    throw Error(std::string("its ") + what + " is sha256:" + found + ", not sha256:" + visible(wanted),
                "the image is damaged, or was changed: get it again");
  }

  const PackRequest& request_;
  Tree tree_;
  std::vector<PackDraft> drafts_;  // by the layer's number; none if they are not kept
  BlockWriter blocks_;
  Progress progress_;
  Buffer small_;
  uint64_t bytes_ = 0, group_ = 0, known_ = 0;
};

}  // namespace

Packed pack_layers(const PackRequest& request) { return Packer(request).run(); }

unsigned usable_processors() {
  return static_cast<unsigned>(
      std::max(1.0, std::min<double>(allowed_processors(), std::ceil(processor_time_limit()))));
}

}  // namespace chrun::pack
