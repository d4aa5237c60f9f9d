// Host paths of a launch. They are looked up in our own namespaces, where an automounter still serves us, and before
// any mount of ours is there: so each leads where an open(2) outside would have led.
#pragma once
#include <map>
#include <string>

#include "base/fd.h"
#include "base/host_path.h"
#include "launcher/files/stage.h"

namespace chrun {

/// What steps find at host paths: copies of trees of mounts that have no place yet.
class HostTrees {
 public:
  /// A step, by its address: what is in it does not matter here.
  using Key = const void*;
  /// That `step` needs the tree at host path `path`. `action` is for the error.
  struct Wish {
    HostPath path;
    std::string action;
    bool optional = false;  // it may be missing, or out of reach
  };
  void want(Key step, Wish wish) { wishes_[step] = std::move(wish); }

  /// Looks them all up, and then begins the stage. Throws SysError.
  void find(Stage& stage);

  /// Whether `step` wanted something that is not a directory, and has not taken it.
  bool holds_file(const Stage& stage, Key step) const;

  /// Hands over what `step` wanted; empty where that was optional and is missing. Throws SysError.
  Fd take(const Stage& stage, Key step);

 private:
  /// One that is kept in the stage has a slot there, and no descriptor.
  struct Tree {
    Fd root;
    int slot = -1;
  };

  bool hold_all();
  void keep_all(Stage& stage);

  std::map<Key, Wish> wishes_;
  std::map<Key, Tree> trees_;
};

/// Opens a directory or another file at a host path, for use as a place only (O_PATH), with what an automounter
/// promises there. Empty with errno where it can't be.
Fd open_on_host(const HostPath& path);

}  // namespace chrun
