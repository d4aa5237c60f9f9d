// Extended attributes.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "squashfs/reader/inode.h"

namespace chrun::squashfs {

class Xattrs {
 public:
  /// Throws Damage where the image has a table that can't be.
  explicit Xattrs(const Metadata& metadata);

  /// Whether any file of the image has any.
  bool any() const { return count_ > 0; }
  /// The names, each ended by NUL, as listxattr(2) has them.
  std::string list(const Inode& inode) const;
  std::optional<std::string> get(const Inode& inode, std::string_view name) const;

 private:
  struct Span;
  struct Entry;
  [[noreturn]] void damaged(const char* what) const;
  Span find(const Inode& inode) const;
  /// Reads an entry up to its value, and adds the length of its name to `names`.
  Entry next(Cursor& at, size_t& names) const;
  std::string value(Cursor& at, bool elsewhere) const;
  void skip_value(Cursor& at) const;

  const Metadata& metadata_;
  uint64_t pairs_ = 0;  // where names and values begin
  uint32_t count_ = 0;
};

}  // namespace chrun::squashfs
