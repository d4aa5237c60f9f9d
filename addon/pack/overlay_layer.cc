#include "pack/overlay_layer.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "pack/interrupt.h"
#include "pack/source.h"
#include "pack/tar_writer.h"
#include "pack/walk.h"

namespace chrun::pack {
namespace {

using Kind = TarEntry::Kind;

constexpr uint16_t kPermissions = 01777;
// without privilege the kernel keeps its marks as the user's attributes (overlayfs.rst, "userxattr")
constexpr std::array kMarks = {"user.overlay.", "trusted.overlay."};

bool is_mark(const std::string& name) {
  return std::ranges::any_of(kMarks, [&](const char* prefix) { return name.starts_with(prefix); });
}

/// The value of a mark, in either form; nullptr if it is not there.
const std::string* mark(const TarEntry& entry, const std::string& name) {
  for (const auto& [attribute, value] : entry.xattrs)
    for (const char* prefix : kMarks)
      if (attribute == prefix + name) return &value;
  return nullptr;
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash + 1);
}

class Layer {
 public:
  explicit Layer(Sink& output) : tar_(output) {}

  void take(TarEntry entry, int content) {
    check_signals();
    if (entry.name == ".") return;
    refuse_what_no_layer_says(entry);
    if (is_whiteout(entry)) return put_mark(entry, directory_of(entry.name) + ".wh." + base_of(entry.name));
    if (entry.kind == Kind::device) {
      ++left_out_;
      return;
    }
    const std::string* opaque = entry.kind == Kind::directory ? mark(entry, "opaque") : nullptr;
    const bool is_opaque = opaque != nullptr && *opaque == "y";
    std::erase_if(entry.xattrs, [](const auto& each) { return is_mark(each.first); });
    entry.mode &= kPermissions;
    const std::string path = entry.name;
    if (entry.kind == Kind::directory) entry.name += "/";
    put(entry, content);
    if (is_opaque) put_mark(entry, path + "/.wh..wh..opq");
  }

  OverlayLayer finish() {
    std::string digest = tar_.finish();
    return {std::move(digest), tar_.size(), entries_, left_out_};
  }

 private:
  static std::string base_of(const std::string& path) { return path.substr(directory_of(path).size()); }

  /// A device 0/0, which the walk marks, too; or an empty file, where devices can't be made.
  static bool is_whiteout(const TarEntry& entry) {
    return (entry.kind == Kind::device || (entry.kind == Kind::file && entry.size == 0)) &&
           mark(entry, "whiteout") != nullptr;
  }

  static void refuse_what_no_layer_says(const TarEntry& entry) {
    const std::string where = visible(entry.name);
    if (mark(entry, "redirect") != nullptr)
      throw Error(where + " was renamed by reference (redirect_dir): what it contains is not in the overlay",
                  "mount the overlay with redirect_dir=off, as ch-run-ts does");
    if (mark(entry, "metacopy") != nullptr)
      throw Error(where + " has no content in the overlay (metacopy)",
                  "mount the overlay with metacopy=off, as ch-run-ts does");
    if (base_of(entry.name).starts_with(".wh."))
      throw Error(where + ": a layer can't have a file of that name: it would delete another");
  }

  void put_mark(const TarEntry& like, const std::string& name) {
    TarEntry entry{};
    entry.name = name;
    entry.kind = Kind::file;
    entry.mode = 0644;
    entry.mtime = like.mtime;
    put(entry, -1);
  }

  void put(const TarEntry& entry, int content) {
    ++entries_;
    tar_.begin(entry);
    if (entry.kind != Kind::file || content < 0) return;
    FilePart part(content, 0, entry.size);
    while (const size_t got = part.read(buffer_)) {
      check_signals();
      tar_.content(std::span(buffer_).first(got));
    }
    tar_.end();
  }

  TarWriter tar_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(1 << 20);
  uint64_t entries_ = 0, left_out_ = 0;
};

}  // namespace

OverlayLayer write_overlay_layer(const std::string& upper, Sink& output) {
  Layer layer(output);
  walk_directory(
      upper, [&](const TarEntry& entry, int content) { layer.take(entry, content); }, Attributes::with_overlay_marks);
  return layer.finish();
}

}  // namespace chrun::pack
