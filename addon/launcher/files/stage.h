// Where mounts are made before they get their places: out of reach of everybody who could exchange directories.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// A tmpfs that no path leads to from outside of our mount namespace. What is mounted in it can be opened, and its
/// flags be set, without doubt that it is just that mount; then it is moved to its place, by descriptors on both sides.
class Stage {
 public:
  /// Makes it: covers the host's /sys. To be called when all host paths have been looked up. Throws SysError.
  void begin();

  /// The same before host paths have been looked up: /sys is there as before, and binds of `/` don't contain the
  /// stage. settle() must follow when they have. Throws SysError.
  void begin_hidden();
  void settle();

  /// A copy of the tree of mounts at `path`, seen from directory `directory`, that has no place yet. Throws SysError,
  /// which says that `action` could not be done.
  Fd copy(int directory, const char* path, const std::string& action);

  /// The same for the tree at descriptor `source`, kept here until open_slot() asks for it: no descriptor stays open.
  int keep_copy(int source, const std::string& action);
  Fd open_slot(int slot) const;

  /// A new file system that has no place yet: arguments as of mount(2). Throws SysError.
  Fd make(const char* type, unsigned long flags, const std::string& options, const std::string& action);

  /// An empty directory, to mount something at; returns its number.
  int make_slot(bool directory = true);
  std::string slot_path(int slot) const;

  /// The tmpfs itself, for files that nobody else can see.
  int files() const { return root_.get(); }

 private:
  Fd root_;
  int slots_ = 0;
  bool hidden_ = false;
};

}  // namespace chrun
