// fuzz COUNT SEED: archives that are sound but for some bytes, through the tar reader and the merged tree. Whatever
// they hold, they are taken or refused; sanitizers watch. And sound ones, whose files must be those that unpacking
// would leave.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <random>

#include "base/error.h"
#include "pack/tar_reader.h"
#include "pack/tree.h"

namespace {

using namespace chrun;

class Memory : public pack::Source {
 public:
  explicit Memory(const std::vector<uint8_t>& bytes) : bytes_(bytes) {}
  size_t read(std::span<uint8_t> to) override {
    const size_t part = std::min(to.size(), bytes_.size() - at_);
    if (part > 0) memcpy(to.data(), bytes_.data() + at_, part);
    at_ += part;
    return part;
  }

 private:
  const std::vector<uint8_t>& bytes_;
  size_t at_ = 0;
};

void set_checksum(uint8_t* header) {
  memset(header + 148, ' ', 8);
  unsigned sum = 0;
  for (int i = 0; i < 512; ++i) sum += header[i];
  snprintf(reinterpret_cast<char*>(header) + 148, 8, "%06o", sum);
}

/// Names from a few letters, so that entries meet each other.
std::string some_name(std::mt19937& random, bool hostile) {
  static const char* const kNames[] = {"a", "b",     "c",  "a/b", "a/b/c",  "b/a", ".wh.a", "a/.wh.b", "a/.wh..wh..opq",
                                       ".", "c/a/b", "/a", "..",  "b/.wh.a"};
  const std::string name = kNames[random() % std::size(kNames)];
  return name == ".." && !hostile ? "a" : name;
}

void add_entry(std::vector<uint8_t>& archive, std::mt19937& random, bool hostile) {
  uint8_t header[512] = {};
  strcpy(reinterpret_cast<char*>(header), some_name(random, hostile).c_str());
  const std::string types = hostile ? "0001122255736LKxgSZ" : "000012556";
  const char type = types[random() % types.size()];
  std::string content = type == 'x' || type == 'g' ? "9 path=a\n" : std::string(random() % 3 * 300, 'x');
  if (type == 'x' && random() % 2) content = "22 GNU.sparse.map=0,1\n21 GNU.sparse.size=9\n";
  snprintf(reinterpret_cast<char*>(header) + 100, 8, "%07o", 0644);
  snprintf(reinterpret_cast<char*>(header) + 124, 12, "%011o", static_cast<unsigned>(content.size()));
  snprintf(reinterpret_cast<char*>(header) + 136, 12, "%011o", 7);
  header[156] = static_cast<uint8_t>(type);
  strcpy(reinterpret_cast<char*>(header) + 157, some_name(random, hostile).c_str());
  memcpy(header + 257,
         "ustar\0"
         "00",
         8);
  while (hostile && random() % 3 == 0) header[random() % 512] = static_cast<uint8_t>(random());
  if (!hostile || random() % 20) set_checksum(header);
  archive.insert(archive.end(), header, header + 512);
  content.resize((content.size() + 511) / 512 * 512);
  archive.insert(archive.end(), content.begin(), content.end());
}

void read_layer(pack::Tree& tree, int layer, const std::vector<uint8_t>& archive, bool again) {
  Memory source(archive);
  pack::TarReader reader(source, false);
  std::vector<uint8_t> content(4096);
  while (const auto entry = reader.next()) {
    const pack::InodePtr inode = again ? tree.add_again(*entry) : tree.add(layer, *entry);
    for (uint64_t left = inode ? std::min<uint64_t>(inode->size, 1 << 20) : 0; left > 0;) {
      const size_t got = reader.read(std::span(content).first(std::min<uint64_t>(left, content.size())));
      if (got == 0) abort();
      left -= got;
    }
  }
}

/// Whatever was merged, the result is a tree.
size_t count(const pack::Node& node) {
  if (!node.inode || node.inode->kind == pack::Inode::Kind::pending) abort();
  if (node.inode->kind != pack::Inode::Kind::directory && !node.children.empty()) abort();
  size_t sum = 1;
  for (const auto& [name, child] : node.children) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos) abort();
    sum += count(*child);
  }
  return sum;
}

using Entries = std::vector<pack::TarEntry>;
using Files = std::map<std::string, uint64_t>;  // a file is known by its size, which no other has

bool is_below(const std::string& path, const std::string& directory) { return path.starts_with(directory + "/"); }

/// What unpacking would do, layer by layer from the bottom; nothing where it would be refused.
std::optional<Files> unpack_all(const std::vector<Entries>& layers) {
  Files files;
  for (const Entries& layer : layers) {
    const Files lower = files;
    std::map<std::string, bool> own;  // paths of this layer; true: a directory
    for (const pack::TarEntry& entry : layer) {
      const size_t mark = entry.name.find(".wh.");
      if (mark == std::string::npos) continue;
      const std::string parent = entry.name.substr(0, mark == 0 ? 0 : mark - 1);
      const bool opaque = entry.name.ends_with(".wh..opq");
      const std::string gone = entry.name.substr(0, mark) + entry.name.substr(mark + 4);
      std::erase_if(files, [&](const auto& file) {
        return opaque ? parent.empty() || is_below(file.first, parent)
                      : file.first == gone || is_below(file.first, gone);
      });
    }
    for (const pack::TarEntry& entry : layer) {
      if (entry.name.find(".wh.") != std::string::npos) continue;
      for (size_t end = entry.name.find('/'); end != std::string::npos; end = entry.name.find('/', end + 1)) {
        const std::string above = entry.name.substr(0, end);
        if (const auto mine = own.find(above); mine != own.end() && !mine->second) return {};
        files.erase(above);  // a file of a lower layer
      }
      const bool directory = entry.kind == pack::TarEntry::Kind::directory;
      // a name twice, or something below a file
      if (const auto mine = own.find(entry.name); mine != own.end() && !(mine->second && directory)) return {};
      if (!directory && std::ranges::any_of(own, [&](const auto& each) { return is_below(each.first, entry.name); }))
        return {};
      uint64_t size = entry.size;
      if (entry.kind == pack::TarEntry::Kind::hard_link) {
        // below a file there is nothing
        for (const auto& [path, is_directory] : own)
          if (!is_directory && is_below(entry.target, path)) return {};
        const bool is_own = own.contains(entry.target);
        const Files& from = is_own ? files : lower;
        const auto target = from.find(entry.target);
        if (target == from.end() || entry.target == entry.name) return {};
        size = target->second;
      }
      if (!directory) std::erase_if(files, [&](const auto& file) { return is_below(file.first, entry.name); });
      files.erase(entry.name);
      if (!directory) files[entry.name] = size;
      own[entry.name] = directory;
    }
  }
  return files;
}

void collect(const pack::Node& node, const std::string& path, Files& files) {
  if (node.inode->kind == pack::Inode::Kind::file) files[path] = node.inode->size;
  for (const auto& [name, child] : node.children) collect(*child, path.empty() ? name : path + "/" + name, files);
}

/// The merged tree has the files that unpacking would leave.
bool compare(std::mt19937& random) {
  static const char* const kFiles[] = {"a", "b", "c", "a/b", "a/c", "b/a", "a/b/c", "b/a/c"};
  static const char* const kMarks[] = {".wh.a",          ".wh.b",          "a/.wh.b",     "b/.wh.a",
                                       "a/.wh..wh..opq", "b/.wh..wh..opq", ".wh..wh..opq"};
  using Kind = pack::TarEntry::Kind;
  uint64_t size = 0;
  std::vector<Entries> layers(3);
  for (Entries& layer : layers) {
    for (size_t left = random() % 6; left > 0; --left) {
      pack::TarEntry entry{};
      const unsigned kind = random() % 8;
      entry.name = kind == 0 ? kMarks[random() % std::size(kMarks)] : kFiles[random() % std::size(kFiles)];
      entry.kind = kind == 1 ? Kind::directory : kind == 2 ? Kind::hard_link : Kind::file;
      entry.size = entry.kind == Kind::file ? ++size : 0;
      if (entry.kind == Kind::hard_link) entry.target = kFiles[random() % std::size(kFiles)];
      layer.push_back(entry);
    }
  }
  const auto expected = unpack_all(layers);
  if (!expected) return false;
  Files found;
  try {
    pack::Tree tree;
    for (int layer = 3; layer-- > 0;) {
      for (const auto& entry : layers[static_cast<size_t>(layer)]) tree.add(layer, entry);
      if (!tree.end_layer(layer)) continue;
      for (const auto& entry : layers[static_cast<size_t>(layer)]) tree.add_again(entry);
      tree.end_again();
    }
    tree.settle();
    collect(tree.root(), "", found);
  } catch (const Error& failure) {
    printf("refused: %s\n", failure.what());
  }
  if (found == *expected) return true;
  for (size_t layer = 0; layer < layers.size(); ++layer)
    for (const auto& entry : layers[layer])
      printf("%zu: %s %d %s %lu\n", layer, entry.name.c_str(), static_cast<int>(entry.kind), entry.target.c_str(),
             entry.size);
  for (const auto& [path, id] : *expected) printf("expected %s %lu\n", path.c_str(), id);
  for (const auto& [path, id] : found) printf("found %s %lu\n", path.c_str(), id);
  exit(1);
}

}  // namespace

int main(int words, char** arguments) {
  const int rounds = words > 1 ? atoi(arguments[1]) : 1000;
  std::mt19937 random(words > 2 ? static_cast<unsigned>(atoi(arguments[2])) : 1);
  int taken = 0;
  for (int round = 0; round < rounds; ++round) {
    try {
      pack::Tree tree;
      for (int layer = 2; layer-- > 0;) {
        std::vector<uint8_t> archive;
        const bool hostile = random() % 3 == 0;
        for (size_t entries = random() % 12; entries-- > 0;) add_entry(archive, random, hostile);
        archive.resize(archive.size() + (random() % 4 ? 1024 : random() % 700));
        read_layer(tree, layer, archive, false);
        if (tree.end_layer(layer)) {
          read_layer(tree, layer, archive, true);
          tree.end_again();
        }
      }
      tree.settle();
      count(tree.root());
      ++taken;
    } catch (const Error&) {
    }
  }
  int equal = 0;
  for (int round = 0; round < rounds * 10; ++round) equal += compare(random);
  printf("%d of %d were taken, %d as if unpacked\n", taken, rounds, equal);
  return taken > rounds / 100 && equal > rounds ? 0 : 1;
}
