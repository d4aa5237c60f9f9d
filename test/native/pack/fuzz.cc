// fuzz COUNT SEED: archives that are sound but for some bytes, through the tar reader and the merged tree. Whatever
// they hold, they are taken or refused; sanitizers watch.
#include <cstdio>
#include <cstdlib>
#include <cstring>
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
std::string some_name(std::mt19937& random) {
  static const char* const kNames[] = {"a", "b",     "c",  "a/b", "a/b/c",  "b/a", ".wh.a", "a/.wh.b", "a/.wh..wh..opq",
                                       ".", "c/a/b", "/a", "..",  "b/.wh.a"};
  return kNames[random() % std::size(kNames)];
}

void add_entry(std::vector<uint8_t>& archive, std::mt19937& random) {
  uint8_t header[512] = {};
  strcpy(reinterpret_cast<char*>(header), some_name(random).c_str());
  const std::string types = "0001122255736LKxgSZ";
  const char type = types[random() % types.size()];
  std::string content = type == 'x' || type == 'g' ? "9 path=a\n" : std::string(random() % 3 * 300, 'x');
  if (type == 'x' && random() % 2) content = "22 GNU.sparse.map=0,1\n21 GNU.sparse.size=9\n";
  snprintf(reinterpret_cast<char*>(header) + 100, 8, "%07o", 0644);
  snprintf(reinterpret_cast<char*>(header) + 124, 12, "%011o", static_cast<unsigned>(content.size()));
  snprintf(reinterpret_cast<char*>(header) + 136, 12, "%011o", 7);
  header[156] = static_cast<uint8_t>(type);
  strcpy(reinterpret_cast<char*>(header) + 157, some_name(random).c_str());
  memcpy(header + 257,
         "ustar\0"
         "00",
         8);
  while (random() % 3 == 0) header[random() % 512] = static_cast<uint8_t>(random());
  if (random() % 20) set_checksum(header);
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
        for (size_t entries = random() % 12; entries-- > 0;) add_entry(archive, random);
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
  printf("%d of %d were taken\n", taken, rounds);
  return taken > 0 ? 0 : 1;
}
