// The merged tree of an image. Layers come from the top to the bottom, each entry once: what a higher layer has, has
// replaced or has deleted is known when it comes, so that only what is visible is compressed.
//
// A layer's whiteouts act on lower layers only, wherever in the layer they stand. Directories that no entry describes
// may turn out to be symbolic links of a lower layer: settle() then moves what is below them to where these lead.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pack/inode.h"
#include "pack/tar_reader.h"

namespace chrun::pack {

struct Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  InodePtr inode;     // none: a directory that no entry describes, or a mark
  int layer = 0;      // that has the inode
  int cut = 0;        // lower layers than this one have nothing here
  int cut_below = 0;  // nor below, for an opaque directory
  int implied = -1;   // the highest layer that has something below
  InodePtr under;     // what a lower layer has in place of a directory that no entry describes
  int under_layer = 0;
};

/// What is left out of an image, for the user to know.
struct LeftOut {
  uint64_t devices = 0, set_id = 0, xattrs = 0;
};

class Tree {
 public:
  /// Takes an entry of a layer: layers are numbered from the bottom, and come from the top. Returns the inode whose
  /// content is to be packed; none if there is none, or if it is hidden. Throws Error with the entry's name.
  InodePtr add(int layer, const TarEntry& entry);
  /// The same for a file of a directory, whose name marks nothing.
  InodePtr add_plain(int layer, const TarEntry& entry);
  /// After the last entry of a layer. True if the layer has to be read once more, each entry given to add_again(): a
  /// hard link is visible whose content came before it, under a name that a higher layer hides.
  bool end_layer(int layer);
  /// As add(), in that second reading; end_again() follows it.
  InodePtr add_again(const TarEntry& entry);
  void end_again();
  /// After the last layer: from here on, root() is the image. Throws Error with the entry's name; settling() is its
  /// layer.
  void settle();
  int settling() const { return settling_; }

  Node& root() { return root_; }
  const LeftOut& left_out() const { return left_out_; }
  uint64_t entries() const { return entries_; }

 private:
  struct Want {
    int layer;
    InodePtr pending;
    std::string name;  // of the link, for messages
    int cut = 0;
  };
  struct Hidden {
    std::string target;  // of a hard link
    InodePtr inode;      // which is seen under its other name
  };
  /// What a layer has at a path. Implied: a directory that has something below, and may have an entry yet.
  enum class Seen : uint8_t { implied, directory, other };
  using Path = std::vector<std::string_view>;

  void check_name(const Path& path, const std::string& key, const TarEntry& entry);

  InodePtr add_at(int layer, const Path& path, const TarEntry& entry);
  Node* reach(int layer, const Path& path, const std::string& name, bool mark = false);
  bool is_seen(int layer, const Node* node, TarEntry::Kind kind) const;
  void place(int layer, Node& node, const InodePtr& inode, const std::string& name);
  void white_out(int layer, const Path& parent, std::string_view name, const std::string& entry);
  InodePtr link(int layer, const TarEntry& entry);
  std::vector<Want*> wants_of(int layer, const std::string& path);
  Node* find(const Path& path);
  InodePtr make_inode(const TarEntry& entry);
  void relocate(const std::string& path);
  Node& resolve(const std::string& from, const std::string& target);
  void settle_wants();

  Node root_;
  LeftOut left_out_;
  uint64_t entries_ = 0;
  std::unordered_multimap<std::string, Want> wants_;  // hard links, by the path of their target
  std::unordered_map<std::string, Seen> names_;       // of this layer
  std::unordered_map<std::string, bool> marks_;       // whiteouts of this layer; true: of what is below only
  // files of this layer that higher layers hide, and what those that are hard links lead to
  std::unordered_map<std::string, Hidden> hidden_;
  std::unordered_map<std::string, InodePtr> again_;  // of these, what a visible hard link leads to
  int settling_ = 0;
};

}  // namespace chrun::pack
