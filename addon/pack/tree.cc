#include "pack/tree.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace chrun::pack {
namespace {

constexpr size_t kMostPath = 4095;  // PATH_MAX without its NUL: no process could name more
constexpr size_t kMostName = 255;
constexpr size_t kMostTarget = 4095;
constexpr int kMostLinks = 40;  // on the way to a file, as in the kernel
constexpr uint16_t kSetId = 06000;
constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq", kMetadata = ".wh..wh.";

[[noreturn]] void refuse(const std::string& name, const std::string& what) { throw Error(visible(name) + ": " + what); }

/// Components of a name in an archive. A slash at its beginning means the image's root; a way upwards is refused.
std::vector<std::string_view> split(const std::string& text, const std::string& name) {
  std::vector<std::string_view> path;
  if (text.empty()) refuse(name, "an empty name");
  if (text.size() > kMostPath) refuse(name.substr(0, 200), "a name of " + std::to_string(text.size()) + " bytes");
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") refuse(name, "a name that leads upwards");
    if (part.size() > kMostName) refuse(name, "a file name of " + std::to_string(part.size()) + " bytes");
    path.push_back(part);
  }
  return path;
}

std::string join(const std::vector<std::string_view>& path) {
  std::string text;
  for (const std::string_view part : path) (text += '/') += part;
  return text;
}

bool is_directory(const InodePtr& inode) { return inode->kind == Inode::Kind::directory; }

/// Whether anything is there, not only marks.
bool is_real(const Node& node) {
  if (node.inode || node.under) return true;
  return std::ranges::any_of(node.children, [](const auto& child) { return is_real(*child.second); });
}

/// What this layer has at a node.
InodePtr inode_of(const Node& node, int layer) {
  if (node.inode && node.layer == layer) return node.inode;
  return node.under && node.under_layer == layer ? node.under : nullptr;
}

void drop_layer(Node& node, int layer) {
  std::erase_if(node.children, [&](auto& child) {
    Node& below = *child.second;
    drop_layer(below, layer);
    if (below.layer == layer) below.inode.reset();
    if (below.under_layer == layer) below.under.reset();
    return !below.inode && !below.under && below.cut == 0 && below.cut_below == 0 && below.children.empty();
  });
}

/// Both are at one path: of each thing, the higher layer's stays.
void merge(Node& into, Node& from) {
  into.cut = std::max(into.cut, from.cut);
  into.cut_below = std::max(into.cut_below, from.cut_below);
  if (from.inode && (!into.inode || from.layer > into.layer)) {
    if (!is_directory(from.inode)) into.children.clear();
    into.inode = from.inode;
    into.layer = from.layer;
  }
  if (from.under && (!into.under || from.under_layer > into.under_layer)) {
    into.under = from.under;
    into.under_layer = from.under_layer;
  }
  if (into.inode && !is_directory(into.inode)) return;
  for (auto& [name, child] : from.children) {
    auto& place = into.children[name];
    if (place)
      merge(*place, *child);
    else
      place = std::move(child);
  }
}

/// A directory that no entry describes, with a symbolic link of a lower layer in its place.
bool is_link_below(const Node& node) {
  return node.under && !node.inode && node.under->kind == Inode::Kind::symlink && !node.children.empty();
}

void find_links_below(const Node& node, std::string& path, std::vector<std::string>& found) {
  for (const auto& [name, child] : node.children) {
    const size_t length = path.size();
    (path += '/') += name;
    if (is_link_below(*child))
      found.push_back(path);
    else
      find_links_below(*child, path, found);
    path.resize(length);
  }
}

/// Removes what lower layers have under marks, and the marks. False if nothing is left.
bool prune(Node& node, int cut) {
  cut = std::max(cut, node.cut);
  if (node.inode && node.layer < cut) node.inode.reset();
  const int below = std::max(cut, node.cut_below);
  std::erase_if(node.children, [&](auto& child) { return !prune(*child.second, below); });
  if (node.under && node.children.empty() && !node.inode && node.under_layer >= cut) node.inode = node.under;
  node.under.reset();
  return node.inode || !node.children.empty();
}

InodePtr final_inode(const InodePtr& inode, const std::string& name) {
  InodePtr at = inode;
  for (int hops = 0; at && at->kind == Inode::Kind::pending; at = at->same_as)
    if (++hops > kMostLinks) refuse(name, "hard links that lead to each other");
  return at;
}

void count_links(Node& node, const std::string& name) {
  if (node.inode) node.inode = final_inode(node.inode, name);
  if (!node.inode) node.inode = std::make_shared<Inode>();
  if (!is_directory(node.inode)) {
    ++node.inode->links;
    node.children.clear();
    return;
  }
  node.inode->links = 2;
  for (auto& [child_name, child] : node.children) {
    count_links(*child, child_name);
    if (is_directory(child->inode)) ++node.inode->links;
  }
}

}  // namespace

/// The node at a path, created if it is missing; none if a higher layer hides it.
Node* Tree::reach(int layer, const Path& path, const std::string& name, bool mark) {
  Node* node = &root_;
  for (const std::string_view part : path) {
    if (layer < node->cut) return nullptr;
    if (!mark) node->implied = std::max(node->implied, layer);
    if (layer < node->cut_below) return nullptr;
    if (node->inode && !is_directory(node->inode)) {
      if (node->layer > layer) return nullptr;
      // what a mark means is gone with the directory
      if (node->inode->kind != Inode::Kind::symlink && mark) return nullptr;
      if (node->inode->kind != Inode::Kind::symlink) refuse(name, "it is below a file of the same layer");
      // the link of the same layer was there first: settle() finds out where it leads
      node->under = std::move(node->inode);
      node->under_layer = layer;
      node->inode = nullptr;
      node->cut = layer;
    }
    auto& child = node->children[std::string(part)];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  return layer < node->cut ? nullptr : node;
}

/// Whether what a layer has at a node is in the image.
bool Tree::is_seen(int layer, const Node* node, TarEntry::Kind kind) const {
  if (!node) return false;
  const bool directory = kind == TarEntry::Kind::directory;
  // a file where a higher layer has something below: it has made a directory of it. A link may lead to one
  if (!directory && kind != TarEntry::Kind::symlink && node->implied > layer) return false;
  // a directory of a higher layer: it stays one, and this one's attributes are not seen, but nothing else is hidden
  return !node->inode || node->layer <= layer || (directory && is_directory(node->inode));
}

/// Puts an inode at a node that no higher layer hides.
void Tree::place(int layer, Node& node, const InodePtr& inode, const std::string& name) {
  const bool directory = is_directory(inode);
  if (&node == &root_ && !directory) refuse(name, "the root is not a directory");
  if (!directory) node.cut = std::max(node.cut, layer);
  // a directory of a higher layer: what lower layers have below goes with the file that replaced it
  if (node.inode && node.layer > layer) return;
  if (!directory) drop_layer(node, layer);
  // what higher layers have below stays: settle() finds out whether that is anything
  if (!directory && (!node.children.empty() || node.under)) {
    node.inode = nullptr;
    node.under = inode;
    node.under_layer = layer;
    return;
  }
  node.inode = inode;
  node.layer = layer;
}

void Tree::white_out(int layer, const Path& parent, std::string_view name, const std::string& entry) {
  const bool opaque = name == kOpaque;
  if (!opaque && name.starts_with(kMetadata)) return;  // AUFS's own
  Path path = parent;
  if (!opaque) {
    name.remove_prefix(kWhiteout.size());
    if (name.empty() || name == "." || name == "..") refuse(entry, "a whiteout of nothing");
    path.push_back(name);
  }
  marks_.emplace(join(path), opaque);
  Node* node = reach(layer, path, entry, true);
  if (!node) return;
  int& cut = opaque ? node->cut_below : node->cut;
  cut = std::max(cut, layer);
}

Node* Tree::find(const Path& path) {
  Node* node = &root_;
  for (const std::string_view part : path) {
    const auto child = node->children.find(part);
    if (child == node->children.end()) return nullptr;
    node = child->second.get();
  }
  return node;
}

/// The inode that a hard link shares: of this layer if it has the target already, else of a lower one, when it comes.
InodePtr Tree::link(int layer, const TarEntry& entry) {
  const Path path = split(entry.target, entry.name);
  if (const Node* node = find(path)) {
    const InodePtr own = inode_of(*node, layer);
    if (own && is_directory(own)) refuse(entry.name, "a hard link to a directory");
    if (own) return own;
  }
  std::string target = join(path);
  auto hidden = hidden_.find(target);
  for (int hops = 0; hidden != hidden_.end() && !hidden->second.target.empty(); hidden = hidden_.find(target)) {
    if (hidden->second.inode) return hidden->second.inode;
    if (++hops > kMostLinks) refuse(entry.name, "hard links that lead to each other");
    target = hidden->second.target;
  }
  auto pending = std::make_shared<Inode>();
  pending->kind = Inode::Kind::pending;
  if (hidden != hidden_.end()) return again_.try_emplace(target, pending).first->second;
  // all links of a layer to one target share it
  const auto [first, last] = wants_.equal_range(target);
  for (auto each = first; each != last; ++each)
    if (each->second.layer == layer) return each->second.pending;
  wants_.emplace(target, Want{layer, pending, entry.name});
  return pending;
}

/// Hard links of higher layers that want what this layer has at a path.
std::vector<Tree::Want*> Tree::wants_of(int layer, const std::string& path) {
  std::vector<Want*> found;
  if (wants_.empty()) return found;
  const auto [first, last] = wants_.equal_range(path);
  for (auto each = first; each != last; ++each) {
    Want& want = each->second;
    if (want.layer > layer && want.cut <= layer && !want.pending->same_as) found.push_back(&want);
  }
  return found;
}

InodePtr Tree::make_inode(const TarEntry& entry) {
  using Kind = TarEntry::Kind;
  auto inode = std::make_shared<Inode>();
  inode->kind = entry.kind == Kind::directory ? Inode::Kind::directory
                : entry.kind == Kind::symlink ? Inode::Kind::symlink
                : entry.kind == Kind::fifo    ? Inode::Kind::fifo
                                              : Inode::Kind::file;
  if (entry.kind == Kind::file && entry.mode & kSetId) ++left_out_.set_id;
  inode->permissions = entry.kind == Kind::symlink ? 0777 : entry.mode & ~kSetId;
  inode->mtime = static_cast<uint32_t>(std::clamp<int64_t>(entry.mtime, 0, UINT32_MAX));
  inode->size = entry.size;
  if (entry.kind == Kind::symlink) {
    if (entry.target.empty() || entry.target.size() > kMostTarget)
      refuse(entry.name, "a symbolic link to nothing, or too far");
    inode->target = entry.target;
  }
  for (const auto& [name, value] : entry.xattrs) {
    // what gives privilege, or means something to the host that packed it, means nothing here
    if (name.starts_with("user.") && name.size() <= kMostName && value.size() < 65536 && entry.kind != Kind::symlink)
      inode->xattrs.emplace_back(name, value);
    else
      ++left_out_.xattrs;
  }
  std::ranges::sort(inode->xattrs);
  return inode;
}

InodePtr Tree::add(int layer, const TarEntry& entry) {
  Path path = split(entry.name, entry.name);
  ++entries_;
  if (!path.empty() && path.back().starts_with(kWhiteout)) {
    const std::string_view name = path.back();
    path.pop_back();
    white_out(layer, path, name, entry.name);
    return nullptr;
  }
  for (const std::string_view part : path)
    if (part.starts_with(kMetadata)) return nullptr;
  return add_at(layer, path, entry);
}

InodePtr Tree::add_plain(int layer, const TarEntry& entry) {
  ++entries_;
  return add_at(layer, split(entry.name, entry.name), entry);
}

/// Which of two files of one name counts would depend on who reads the archive. Directories are there twice in sound
/// ones, too.
void Tree::check_name(const Path& path, const std::string& key, const TarEntry& entry) {
  const Seen seen = entry.kind == TarEntry::Kind::directory ? Seen::directory : Seen::other;
  const auto [known, fresh] = names_.try_emplace(key, seen);
  if (!fresh && seen == Seen::other && known->second == Seen::implied)
    refuse(entry.name, "not a directory, and the same layer has something below it");
  if (!fresh && (seen == Seen::other || known->second == Seen::other))
    refuse(entry.name, "the layer has that name twice");
  known->second = seen;
  std::string above = key;
  for (size_t left = path.size(); left > 1; --left) {
    above.resize(above.rfind('/'));
    if (!names_.try_emplace(above, Seen::implied).second) break;
  }
}

InodePtr Tree::add_at(int layer, const Path& path, const TarEntry& entry) {
  const bool is_link = entry.kind == TarEntry::Kind::hard_link, directory = entry.kind == TarEntry::Kind::directory;
  const std::string key = join(path), target = is_link ? join(split(entry.target, entry.name)) : "";
  // a link to itself changes nothing
  if (is_link && target == key) return nullptr;
  check_name(path, key, entry);
  if (entry.kind == TarEntry::Kind::device) {
    ++left_out_.devices;
    return nullptr;
  }
  const std::vector<Want*> wants = directory ? std::vector<Want*>() : wants_of(layer, key);
  Node* node = reach(layer, path, entry.name);
  const bool seen = is_seen(layer, node, entry.kind);
  InodePtr inode;
  // first: what it links to may go with what was below its own name
  if (seen || !wants.empty()) inode = is_link ? link(layer, entry) : make_inode(entry);
  if (!seen && !directory) {
    const Node* own = is_link ? find(split(entry.target, entry.name)) : nullptr;
    hidden_[key] = {target, own ? inode_of(*own, layer) : nullptr};
    // what this layer and lower ones have below it goes, even if it is not seen itself
    if (node) {
      drop_layer(*node, layer);
      if (node->layer == layer) node->inode.reset();
      node->cut = std::max(node->cut, layer);
    }
  }
  if (seen) hidden_.erase(key);
  if (!inode) return nullptr;
  for (Want* want : wants) want->pending->same_as = inode;
  if (seen) place(layer, *node, inode, entry.name);
  return !is_link && inode->kind == Inode::Kind::file ? inode : nullptr;
}

InodePtr Tree::add_again(const TarEntry& entry) {
  using Kind = TarEntry::Kind;
  if (entry.kind == Kind::hard_link || entry.kind == Kind::device || entry.kind == Kind::directory) return nullptr;
  const auto found = again_.find(join(split(entry.name, entry.name)));
  if (found == again_.end()) return nullptr;
  const InodePtr inode = found->second->same_as = make_inode(entry);
  return entry.kind == Kind::file ? inode : nullptr;
}

void Tree::end_again() {
  for (const auto& [path, pending] : again_)
    if (!pending->same_as) refuse(path, "a hard link leads to it, and it is not there");
  again_.clear();
}

bool Tree::end_layer(int layer) {
  // a whiteout between a hard link and its target's layer hides the target from it
  for (auto& [path, want] : wants_) {
    if (want.layer <= layer || want.pending->same_as || marks_.empty()) continue;
    for (size_t end = path.size(); end != path.npos && end > 0; end = path.rfind('/', end - 1)) {
      const auto mark = marks_.find(path.substr(0, end));
      if (mark != marks_.end() && (!mark->second || end < path.size())) want.cut = std::max(want.cut, layer);
    }
  }
  names_.clear();
  marks_.clear();
  hidden_.clear();
  return !again_.empty();
}

/// Where a symbolic link leads, inside the image: a directory, created if it is missing.
Node& Tree::resolve(const std::string& from, const std::string& target) {
  std::vector<std::string> rest;
  const auto push = [&](const std::string& text) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('/', at), text.size());
      if (end > at) parts.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    rest.insert(rest.end(), parts.rbegin(), parts.rend());
  };
  push(target);
  if (target[0] != '/') push(from.substr(0, from.rfind('/')));
  std::vector<Node*> way{&root_};
  int links = 0;
  while (!rest.empty()) {
    const std::string part = std::move(rest.back());
    rest.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      if (way.size() == 1) refuse(from, "something lies below this symbolic link, which leads out of the image");
      way.pop_back();
      continue;
    }
    auto& child = way.back()->children[part];
    if (!child) child = std::make_unique<Node>();
    const InodePtr& inode = child->inode ? child->inode : child->under;
    if (inode && inode->kind == Inode::Kind::symlink) {
      if (++links > kMostLinks) refuse(from, "it lies below symbolic links that lead to each other");
      push(inode->target);
      if (inode->target[0] == '/') way.resize(1);
      continue;
    }
    if (inode && !is_directory(inode)) refuse(from, "it lies below a symbolic link to a file");
    way.push_back(child.get());
  }
  return *way.back();
}

/// Moves what is below a directory that is a symbolic link of a lower layer to where that leads.
void Tree::relocate(const std::string& path) {
  Node* node = find(split(path, path));
  if (!node || !is_link_below(*node)) return;
  settling_ = node->implied;
  Node moved;
  moved.children = std::move(node->children);
  moved.cut_below = node->cut_below;
  node->children.clear();
  node->cut_below = 0;
  node->inode = std::move(node->under);
  node->layer = node->under_layer;
  node->under = nullptr;
  const std::string target = node->inode->target;
  if (is_real(moved)) return merge(resolve(path, target), moved);
  try {
    merge(resolve(path, target), moved);
  } catch (const Error&) {
    // marks alone, of what is not there
  }
}

void Tree::settle_wants() {
  for (auto& [path, want] : wants_) {
    if (want.pending->same_as) continue;
    settling_ = want.layer;
    // a link that stands before its target
    const Node* node = find(split(path, want.name));
    const InodePtr own = node ? inode_of(*node, want.layer) : nullptr;
    if (!own || is_directory(own) || own == want.pending)
      refuse(want.name, "a hard link to " + visible(path) + ", which is not there");
    want.pending->same_as = own;
  }
  for (auto& [path, want] : wants_) {
    settling_ = want.layer;
    final_inode(want.pending, want.name);  // there is one
  }
  wants_.clear();
}

void Tree::settle() {
  constexpr int kMostRounds = 64;  // what was moved may lie below another link
  for (int round = 0;; ++round) {
    std::vector<std::string> paths;
    std::string path;
    find_links_below(root_, path, paths);
    if (paths.empty()) break;
    if (round == kMostRounds) refuse(paths[0], "it lies below too many symbolic links");
    for (const std::string& each : paths) relocate(each);
  }
  settle_wants();
  prune(root_, 0);
  count_links(root_, "/");
}

}  // namespace chrun::pack
