// fuzz IMAGE COUNT SEED: changes the image COUNT times at random (bytes, bits, numbers, cuts, copies, also inside of
// what is compressed) and walks what is left through the server's reader, with limits: everything must be an
// error or bytes, never a crash or a hang. The same goes for records of reads, changed at random, that are read ahead.
// Meant to be built with -fsanitize=address,undefined. fuzz IMAGE 0 0 walks the image as it is and fails if anything in
// it can't be read.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include "squashfs/reader/file_system.h"
#include "squashfs/reader/reads.h"
#include "squashfs/reader/work.h"
#include "squashfs/server/reads_ahead.h"
#include "squashfs/server/sandbox.h"

namespace {

using namespace chrun;
using namespace chrun::squashfs;

constexpr size_t kMostEntries = 3000;
constexpr uint64_t kMostBytes = 8 << 20;
constexpr double kMostSeconds = 20;
constexpr uint64_t kRecords = 4;  // one image in so many is read with a record, too

struct Outcome {
  size_t entries = 0, damaged = 0;
  uint64_t bytes = 0;
  bool limited() const { return entries > kMostEntries || bytes > kMostBytes; }
};

template <typename Action>
void attempt(Outcome& outcome, Action action) {
  Work::current().begin(0);  // as a request of its own: what all of them cost together is not limited
  try {
    action();
  } catch (const Error&) {
    ++outcome.damaged;
  }
}

void read_file(const FileSystem& files, const Inode& inode, Outcome& outcome, std::mt19937_64& random) {
  uint64_t offset = 0;
  while (offset < inode.size && !outcome.limited()) {
    const size_t size = 4096 << random() % 9;
    for (const Slice& slice : files.data.read(inode, offset, size)) {
      outcome.bytes += slice.size;
      if (!slice.block) continue;
      const uint8_t* bytes = slice.block->bytes.get() + slice.offset;
      for (uint32_t each = 0; each < slice.size; each += 64) outcome.bytes += bytes[each] & 0;
    }
    files.data.read_ahead(inode, offset, size, 4, 2);
    offset += size;
  }
  // and somewhere, as a program that maps the file does
  files.data.read(inode, inode.size ? random() % inode.size : 0, 65536);
}

void visit(const FileSystem& files, const Inode& inode, Outcome& outcome, std::mt19937_64& random, int depth);

void list(const FileSystem& files, const Inode& inode, Outcome& outcome, std::mt19937_64& random, int depth) {
  DirectoryReader reader(files.metadata, inode);
  uint64_t position = 0;
  while (const auto entry = reader.next()) {
    if (++outcome.entries > kMostEntries) return;
    const std::string name(entry->name);
    const Reference reference = entry->inode;
    attempt(outcome, [&] {
      DirectoryReader again(files.metadata, inode);
      again.seek(position);
      const auto same = again.next();
      if (!same || same->name != name) abort();  // positions must lead back to where they were taken
    });
    position = reader.position();
    attempt(outcome, [&] { find_entry(files.metadata, inode, name); });
    attempt(outcome, [&] { visit(files, read_inode(files.metadata, reference), outcome, random, depth + 1); });
  }
  attempt(outcome, [&] { find_entry(files.metadata, inode, "no such name"); });
  Outcome ignored;  // a made-up position fails in a sound image too
  attempt(ignored, [&] {
    DirectoryReader elsewhere(files.metadata, inode);
    elsewhere.seek(random() % 100000);
    elsewhere.next();
  });
}

void visit(const FileSystem& files, const Inode& inode, Outcome& outcome, std::mt19937_64& random, int depth) {
  if (outcome.limited() || depth > 20) return;
  attempt(outcome, [&] {
    const std::string names = files.xattrs.list(inode);
    for (size_t start = 0; start < names.size(); start = names.find('\0', start) + 1) {
      files.xattrs.get(inode, names.c_str() + start);
    }
  });
  switch (inode.type) {
    case Type::directory:
      return list(files, inode, outcome, random, depth);
    case Type::file:
      return read_file(files, inode, outcome, random);
    case Type::symlink:
      outcome.bytes += read_symlink(files.metadata, inode).size();
      return;
    case Type::block_device:
    case Type::char_device:
    case Type::fifo:
    case Type::socket:
      return;
  }
}

using Bytes = std::vector<uint8_t>;

Bytes load_file(const char* path) {
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!file || fstat(file.get(), &status) < 0) throw Refused("open").cannot(std::string("open ") + path);
  Bytes bytes(static_cast<size_t>(status.st_size));
  if (read(file.get(), bytes.data(), bytes.size()) != status.st_size) throw Refused("read").cannot("read");
  return bytes;
}

/// Half of the changes hit the tables, which are a small part of an image; few the superblock, where most are refused.
size_t somewhere(const Bytes& bytes, std::mt19937_64& random) {
  const auto tables = load<uint64_t>(bytes.data() + 64);
  if (random() % 24 == 0) return random() % kSuperblockSize;
  switch (random() % 2) {
    case 0:
      if (tables < bytes.size()) return tables + random() % (bytes.size() - tables);
      [[fallthrough]];
    default:
      return random() % bytes.size();
  }
}

void change(Bytes& bytes, std::mt19937_64& random) {
  static constexpr uint64_t kNumbers[] = {0,       1,          0x7f,       0xff,  0x7fff,    0xffff,
                                          0x10000, 0x7fffffff, 0xffffffff, ~0ull, 1ull << 63};
  const size_t at = somewhere(bytes, random);
  const size_t left = bytes.size() - at;
  switch (random() % 6) {
    case 0:
      bytes[at] ^= static_cast<uint8_t>(1 << random() % 8);
      return;
    case 1:
      bytes[at] = static_cast<uint8_t>(random());
      return;
    case 2: {
      const uint64_t number = kNumbers[random() % std::size(kNumbers)];
      memcpy(&bytes[at], &number, std::min<size_t>(left, size_t{1} << random() % 4));
      return;
    }
    case 3: {
      uint64_t number = 0;
      const size_t size = std::min<size_t>(left, 4);
      memcpy(&number, &bytes[at], size);
      number += random() % 33 - 16;
      memcpy(&bytes[at], &number, size);
      return;
    }
    case 4: {
      const size_t from = somewhere(bytes, random),
                   size = std::min({left, bytes.size() - from, size_t{1} + random() % 64});
      memmove(&bytes[at], &bytes[from], size);
      return;
    }
    case 5:
      if (random() % 8 == 0) bytes.resize(std::max<size_t>(at, kSuperblockSize));
  }
}

Fd memory_file(const Bytes& bytes) {
  Fd file(memfd_create("image", MFD_CLOEXEC));
  if (!file || write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    throw Refused("memfd_create").cannot("make a changed image");
  }
  return file;
}

/// A record as a hostile user or a bad disk would leave it: whole, of any blocks at all, or damaged.
std::string make_record(const ReadsKey& key, std::vector<NeededBlock> blocks, std::mt19937_64& random) {
  static constexpr uint64_t kPlaces[] = {0, 95, 96, 1 << 20, 0x7fffffffffffffff, 0xfffffffffffffff0, ~0ull};
  for (uint64_t each = random() % 8; each > 0 && !blocks.empty(); --each) {
    NeededBlock& block = blocks[random() % blocks.size()];
    if (random() % 2) block.key.position = kPlaces[random() % std::size(kPlaces)];
    if (random() % 2) block.key.word = static_cast<uint32_t>(random());
    if (random() % 4 == 0) block.metadata = !block.metadata;
  }
  std::string record = encode_reads(key, blocks);
  if (random() % 4 == 0) record[random() % record.size()] ^= static_cast<char>(1 << random() % 8);
  if (random() % 8 == 0) record.resize(random() % record.size());
  return record;
}

/// Walks an image once more, while what was needed then is read ahead.
void walk_with_record(const Bytes& bytes, const std::vector<NeededBlock>& needed, std::mt19937_64& random) {
  FileSystem files(memory_file(bytes), "changed", 0, 256 << 10, 4 << 20);
  const ReadsKey key{files.image.identity(), 1};
  const std::string record = make_record(key, needed, random);
  auto blocks = random() % 2 ? decode_reads(record, key) : find_reads(std::string(random() % 100, 'c') + record, key);
  if (!blocks) return;
  const Pressure pressure;
  ReadsAhead ahead(files, pressure);
  files.metadata.on_demand([&](const BlockKey&) { ahead.pass(); });
  files.data.on_demand([&](const BlockKey&) { ahead.pass(); });
  ahead.start_threads(count_of_reads(record));
  ahead.begin(std::move(*blocks));
  Outcome outcome;
  attempt(outcome, [&] {
    files.open_root();
    visit(files, files.root, outcome, random, 0);
  });
  ahead.stop();
  ahead.wait_for_end();
}

/// Walks an image; false where it was refused as a whole.
bool walk(const Bytes& bytes, std::mt19937_64& random, Outcome& outcome) try {
  Work::current().begin(0);
  FileSystem files(memory_file(bytes), "changed", 0, 256 << 10, 4 << 20);
  std::vector<NeededBlock> needed;
  files.metadata.on_demand([&](const BlockKey& key) { needed.push_back({key, true}); });
  files.data.on_demand([&](const BlockKey& key) { needed.push_back({key, false}); });
  files.open_root();
  visit(files, files.root, outcome, random, 0);
  if (random() % kRecords == 0) walk_with_record(bytes, needed, random);
  return true;
} catch (const Error&) {
  return false;
}

int fuzz(const char* path, uint64_t count, uint64_t seed) {
  const Bytes original = load_file(path);
  std::mt19937_64 random(seed);
  if (count == 0) {
    Outcome outcome;
    const bool opened = walk(original, random, outcome);
    printf("%s: %zu entries, %zu damaged, %lu bytes\n", path, outcome.entries, outcome.damaged, outcome.bytes);
    return opened && outcome.damaged == 0 ? 0 : 1;
  }
  uint64_t refused = 0, damaged = 0, sound = 0;
  double slowest = 0;
  for (uint64_t each = 0; each < count; ++each) {
    std::mt19937_64 own(seed + each);  // so that one failure can be repeated by its own seed and COUNT 1
    Bytes bytes = original;
    for (uint64_t changes = 1 + own() % 8; changes > 0; --changes) change(bytes, own);
    Outcome outcome;
    alarm(60);  // a hang ends here, and the seed was printed
    const auto start = std::chrono::steady_clock::now();
    const bool opened = walk(bytes, own, outcome);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    slowest = std::max(slowest, seconds);
    if (seconds > kMostSeconds) printf("seed %lu took %.1f s\n", seed + each, seconds);
    ++(!opened ? refused : outcome.damaged ? damaged : sound);
  }
  printf("%s: %lu changed images: %lu refused, %lu with errors inside, %lu readable; slowest %.2f s\n", path, count,
         refused, damaged, sound, slowest);
  return slowest > kMostSeconds ? 1 : 0;
}

}  // namespace

/// Sanitizers need more system calls than servers.
void chrun::squashfs::enter_sandbox(Role) {}

int main(int count, char** words) {
  if (count != 4) {
    fprintf(stderr, "usage: fuzz IMAGE COUNT SEED\n");
    return 64;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  return fuzz(words[1], strtoull(words[2], nullptr, 10), strtoull(words[3], nullptr, 10));
}
