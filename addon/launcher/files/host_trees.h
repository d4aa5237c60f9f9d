// Host paths of a launch. They are looked up in our own namespaces, where automounters still work, and before we mount
// anything there: so each resolves as it would for an open(2) outside.
#pragma once
#include <map>
#include <string>

#include "base/fd.h"
#include "base/host_path.h"
#include "launcher/files/stage.h"

namespace chrun {

/// What steps find at host paths: detached copies of mount trees.
class HostTrees {
 public:
  /// A step, by its address: what is in it does not matter here.
  using Key = const void*;
  /// Registers that `step` needs the mount tree at host path `path`. `action` is for the error.
  struct Wish {
    HostPath path;
    std::string action;
    bool optional = false;  // it may be missing or unavailable, or not be taken
    bool alone = false;     // without what is mounted below it, where the kernel allows that
  };
  void want(Key step, Wish wish) { wishes_[step] = std::move(wish); }

  /// Looks them all up. Throws SysError.
  void find();
  bool is_found() const { return found_; }

  /// Begins the stage, after find(). Throws SysError.
  void begin(Stage& stage);

  /// Whether there is what `step` wanted, and it has not been taken yet; and whether that is not a directory.
  bool holds(Key step) const { return trees_.contains(step); }
  bool holds_file(const Stage& stage, Key step) const;

  /// Returns what `step` wanted; empty if it was optional and is missing. Throws SysError.
  Fd take(Stage& stage, Key step);

 private:
  /// One that is kept in the stage has a slot there, and no descriptor. One that is not cloned yet is a mere place.
  struct Tree {
    Fd root;
    int slot = -1;
    bool cloned = true;
    std::string action = {};
  };
  static Tree look_up(const Wish& wish);

  bool hold_all();
  void keep_all(Stage& stage);

  std::map<Key, Wish> wishes_;
  std::map<Key, Tree> trees_;
  bool found_ = false;
  bool held_ = false;  // with a descriptor for each
};

/// Opens a directory or another file at a host path, for use as a place only (O_PATH), with what an automounter
/// promises there. Empty with errno where it can't be.
Fd open_on_host(const HostPath& path);

}  // namespace chrun
