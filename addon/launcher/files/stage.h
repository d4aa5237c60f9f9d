// Where mounts are made before they are attached: out of reach of everybody who could replace directories.
#pragma once
#include <string>

#include "base/fd.h"

namespace chrun {

/// A tmpfs that no path outside of our mount namespace leads to. A mount in it can be opened, and its flags set, with
/// certainty that it is that mount; then it is moved to its mount point, with descriptors on both sides.
class Stage {
 public:
  /// Mounts it: covers the host's /sys. To be called when all host paths have been looked up. Throws SysError.
  void begin();

  /// The same before host paths have been looked up: /sys stays visible, and binds of `/` don't contain the stage.
  /// settle() must be called when they have. Throws SysError.
  void begin_hidden();
  void settle();

  /// A detached copy of the mount tree at `path`, relative to `directory`, or at `directory` itself. Throws SysError
  /// that names `action`.
  Fd copy(int directory, const char* path, const std::string& action);

  /// The same for the tree at descriptor `source`, kept here until open_slot() opens it: no descriptor stays open.
  int keep_copy(int source, const std::string& action);
  Fd open_slot(int slot) const;

  /// The image that overlays lie over: it is their source, as mountinfo shows it, by which `ch-image-ts list` counts
  /// containers.
  void show_image(std::string path) { image_ = std::move(path); }
  const std::string& image() const { return image_; }

  /// A new, detached file system: arguments as for mount(2). Without a source, that is the type. Throws SysError.
  Fd make(const char* type, unsigned long flags, const std::string& options, const std::string& action,
          const std::string& source = {});

  /// An empty directory as a mount point; returns its number.
  int make_slot(bool directory = true);
  std::string slot_path(int slot) const;

  /// The tmpfs itself, for files that no other process can see.
  int files() const { return root_.get(); }

 private:
  Fd root_;
  std::string image_;
  int slots_ = 0;
  bool hidden_ = false;
};

}  // namespace chrun
