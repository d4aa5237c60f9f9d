#include "image/image_questions.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/records.h"
#include "image/lease.h"
#include "image/packing.h"
#include "image/running.h"
#include "image/secret.h"
#include "image/storage_files.h"
#include "image/taken.h"
#include "net/questions.h"
#include "net/signature.h"
#include "pack/decompress.h"
#include "pack/export_tar.h"
#include "pack/gzip.h"
#include "pack/interrupt.h"
#include "pack/overlay_layer.h"
#include "pack/pack_layers.h"
#include "pack/remove_all.h"
#include "pack/ship_reads.h"
#include "pack/sink.h"
#include "pack/tar_writer.h"
#include "pack/unpack.h"

namespace chrun {
namespace {

using pack::FilePart;
using pack::Interrupted;

Fd open_input(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) throw Refused("open").cannot("read " + path);
  return file;
}

uint64_t size_of(const Fd& file, const std::string& path) {
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw Refused("fstat").cannot("read " + path);
  return static_cast<uint64_t>(status.st_size);
}

/// A new file, or standard output for `-`.
class Output {
 public:
  explicit Output(const std::string& path) {
    if (path != "-") file_.emplace(path);
  }
  int get() const { return file_ ? file_->get() : STDOUT_FILENO; }
  std::string path() const { return file_ ? file_->path() : "standard output"; }
  void keep() {
    if (file_) file_->keep();
  }

 private:
  std::optional<NewFile> file_;
};

/// Of the words none|gzip|zstd LEVEL THREADS.
pack::Compression compression_of(Taken& words) {
  using Kind = pack::Compression::Kind;
  const std::string& kind = words.text();
  pack::Compression found;
  found.kind = kind == "gzip" ? Kind::gzip : kind == "zstd" ? Kind::zstd : Kind::none;
  found.level = static_cast<int>(words.number("a level"));
  found.threads = static_cast<unsigned>(words.number("a number of threads"));
  return found;
}

/// A part of a file, from its words PATH OFFSET SIZE.
struct Part {
  Fd file;
  uint64_t offset, size;
  explicit Part(Taken& words) {
    const std::string& path = words.text();
    file = open_input(path);
    offset = words.number("an offset");
    size = words.number("a size");
  }
};

/// PATH MOST → name, kind, offset, size, target of each of the first entries of a tar archive, compressed or not; the
/// offset is that in the decompressed archive.
Words members(const Words& arguments) {
  const std::string& path = arguments.at(0);
  const uint64_t most = parse_number(arguments.at(1), INT64_MAX, "a number of entries");
  const Fd file = open_input(path);
  FilePart part(file.get(), 0, size_of(file, path));
  const auto plain = pack::decompressed(part);
  pack::TarReader reader(*plain, true);
  constexpr const char* kKinds[] = {"file", "hard-link", "symlink", "directory", "fifo", "device"};
  Words found;
  while (found.size() < 5 * most) {
    pack::check_signals();
    const auto entry = reader.next();
    if (!entry) break;
    for (std::string word : {entry->name, std::string(kKinds[static_cast<int>(entry->kind)]),
                             std::to_string(entry->position), std::to_string(entry->size), entry->target})
      found.push_back(std::move(word));
  }
  return found;
}

/// PATH or `-`, DIRECTORY, MOST-BYTES → a path of the same bytes, decompressed, in a file that has no name and goes
/// with this process.
Words spool(const Words& arguments) {
  const bool standard = arguments.at(0) == "-";
  const Fd file = standard ? Fd(dup(STDIN_FILENO)) : open_input(arguments.at(0));
  const uint64_t most = parse_number(arguments.at(2), INT64_MAX, "a number of bytes");
  pack::WholeFile input(file.get());
  const auto plain = pack::decompressed(input);
  Fd copy = nameless_file(arguments.at(1));
  std::vector<uint8_t> buffer(1 << 20);
  uint64_t size = 0;
  while (const size_t got = plain->read(buffer)) {
    pack::check_signals();
    write_all(copy.get(), {reinterpret_cast<const char*>(buffer.data()), got}, "a file in " + arguments.at(1));
    if ((size += got) > most)
      throw Error("it has more than " + std::to_string(most) + " bytes", "if you trust it, raise --most-bytes");
  }
  // it stays open as long as this process: the name below /proc is all that leads to it
  return {"/proc/self/fd/" + std::to_string(copy.release())};
}

/// PATH OFFSET SIZE → the SHA-256 of these bytes.
Words hash(const Words& arguments) {
  Taken words(arguments);
  const Part part(words);
  FilePart source(part.file.get(), part.offset, part.size);
  pack::Hashed hashed(source);
  std::vector<uint8_t> buffer(1 << 20);
  while (hashed.read(buffer) > 0) pack::check_signals();
  return {hashed.digest()};
}

/// The bytes of hexadecimal digits.
std::string bytes_of(const std::string& digits) {
  std::string bytes;
  for (size_t at = 0; at + 1 < digits.size(); at += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  return bytes;
}

/// PATH OFFSET SIZE OUT HEAD: copies these bytes to the new file or standard output OUT. Before them stands HEAD, in
/// hexadecimal digits: with one, OUT is a program for the kernel.
Words copy(const Words& arguments) {
  Taken words(arguments);
  const Part part(words);
  Output output(words.text());
  const std::string head = bytes_of(words.text());
  write_all(output.get(), head, output.path());
  FilePart source(part.file.get(), part.offset, part.size);
  std::vector<uint8_t> buffer(1 << 20);
  while (const size_t got = source.read(buffer)) {
    pack::check_signals();
    write_all(output.get(), {reinterpret_cast<const char*>(buffer.data()), got}, output.path());
  }
  if (head.starts_with("#!") && output.get() != STDOUT_FILENO) {
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(output.get(), 0777 & ~mask);
  }
  output.keep();
  return {};
}

/// IMAGE OFFSET DIRECTORY → entries, devices: unpacks a SquashFS image into the new directory.
Words unpack(const Words& arguments) {
  Taken words(arguments);
  const std::string image = words.text();
  const uint64_t offset = words.number("an offset");
  const pack::Unpacked found = pack::unpack(open_input(image), image, offset, words.text());
  return {std::to_string(found.entries), std::to_string(found.left_out)};
}

/// IMAGE OFFSET OUT COMPRESSION → digest, size, devices: the root file system of a SquashFS image as a tar archive, in
/// the new file or standard output OUT.
Words export_tar(const Words& arguments) {
  Taken words(arguments);
  const std::string image = words.text();
  const uint64_t offset = words.number("an offset");
  Output output(words.text());
  const auto sink = pack::make_sink(output.get(), compression_of(words));
  const pack::Exported found = pack::export_tar(open_input(image), image, offset, *sink);
  output.keep();
  return {found.digest, std::to_string(found.size), std::to_string(found.left_out)};
}

/// UPPER OUT → digest, size, entries, devices: the upper directory of an overlay as the new tar archive OUT, a layer.
Words overlay_layer(const Words& arguments) {
  Taken words(arguments);
  const std::string upper = words.text();
  NewFile output(words.text());
  const pack::OverlayLayer found = pack::write_overlay_layer(upper, *pack::make_sink(output.get(), {}));
  output.keep();
  return {found.digest, std::to_string(found.size), std::to_string(found.entries), std::to_string(found.left_out)};
}

/// PATH OUT THREADS → digest, size: compresses to the new file OUT.
Words gzip(const Words& arguments) {
  Taken words(arguments);
  const Fd input = open_input(words.text());
  NewFile output(words.text());
  const unsigned threads = static_cast<unsigned>(words.number("a number of threads"));
  const pack::Compressed found = pack::gzip(input.get(), output.get(), threads);
  output.keep();
  return {found.digest, std::to_string(found.size)};
}

/// IMAGE OFFSET PATH → the text of a small file of a SquashFS image; empty if there is none.
Words read_file(const Words& arguments) {
  constexpr size_t kMost = 4 << 20;
  Taken words(arguments);
  const std::string image = words.text();
  const uint64_t offset = words.number("an offset");
  return {pack::read_file(open_input(image), image, offset, words.text(), kMost)};
}

/// IMAGE MEMORY → how many records of remembered reads in that directory were put after the image.
Words ship_reads(const Words& arguments) {
  return {std::to_string(pack::ship_reads(arguments.at(0), arguments.at(1)))};
}

/// OUT COMPRESSION (NAME PATH)…: a tar archive of these files, in the new file or standard output OUT.
Words archive(const Words& arguments) {
  Taken words(arguments);
  Output output(words.text());
  const auto sink = pack::make_sink(output.get(), compression_of(words));
  pack::TarWriter tar(*sink);
  std::vector<uint8_t> buffer(1 << 20);
  while (words.more()) {
    pack::TarEntry entry{};
    entry.name = words.text();
    entry.kind = pack::TarEntry::Kind::file;
    entry.mode = 0644;
    const std::string& path = words.text();
    const Fd file = open_input(path);
    entry.size = size_of(file, path);
    FilePart part(file.get(), 0, entry.size);
    tar.begin(entry);
    while (const size_t got = part.read(buffer)) {
      pack::check_signals();
      tar.content(std::span(buffer).first(got));
    }
    tar.end();
  }
  tar.finish();
  output.keep();
  return {};
}

Words processors(const Words&) { return {std::to_string(pack::usable_processors())}; }

/// What earlier actions made, and a signal must not leave.
std::vector<std::string> temporary;

/// PATH: a signal that ends the program removes it first, if it is there.
Words remove_at_signal(const Words& arguments) {
  temporary.push_back(arguments.at(0));
  return {};
}

void remove_temporary() {
  for (const std::string& path : temporary) {
    try {
      if (access(path.c_str(), F_OK) == 0) pack::remove_all(path);
    } catch (const Error&) {
      // the program ends by the signal all the same
    }
  }
}

constexpr const char* kFull =
    "'ch-image-ts df' shows what takes room in storage, and 'ch-image-ts prune' frees what no image needs";

/// Catches what is to be reported, and dies of a signal as if it had not been held.
template <Words (*Action)(const Words&)>
Words guarded(const Words& arguments) {
  int signal = 0;
  try {
    const pack::SignalsHeld held;
    const IgnoreSignal limit(SIGXFSZ);  // a limit on file sizes is an error, with words, and nothing is left
    try {
      Words found = Action(arguments);
      // one that the action did not look for
      pack::check_signals();
      found.insert(found.begin(), "done");
      return found;
    } catch (const Interrupted& interrupted) {
      remove_temporary();
      drop_leases();
      signal = interrupted.signal;
    }
  } catch (const SysError& failure) {
    const bool full = failure.code() == ENOSPC || failure.code() == EDQUOT;
    return {"failed", failure.what(), full && failure.hint().empty() ? kFull : failure.hint()};
  } catch (const Error& failure) {
    return {"failed", failure.what(), failure.hint()};
  }
  raise(signal);
  throw Error("terminated by a signal");
}

constexpr Question kQuestions[] = {
    {"pack", 8, guarded<pack_image>},
    {"begin-pack", 8, guarded<begin_pack>},
    {"end-pack", 0, guarded<end_pack>},
    {"drop-pack", 0, guarded<drop_pack>},
    {"members", 2, guarded<members>},
    {"spool", 3, guarded<spool>},
    {"hash", 3, guarded<hash>},
    {"copy", 5, guarded<copy>},
    {"unpack", 3, guarded<unpack>},
    {"export-tar", 6, guarded<export_tar>},
    {"overlay-layer", 2, guarded<overlay_layer>},
    {"gzip", 3, guarded<gzip>},
    {"read-file", 3, guarded<read_file>},
    {"ship-reads", 2, guarded<ship_reads>},
    {"archive", 4, guarded<archive>},
    {"remove-at-signal", 1, guarded<remove_at_signal>},
    {"processors", 0, guarded<processors>},
    {"make-directories", 1, guarded<make_directories>},
    {"make-in-image", 2, guarded<make_in_image>},
    {"save", 2, guarded<save_text>},
    {"save-secret", 2, guarded<save_secret>},
    {"ask-user", 2, guarded<ask_user>},
    {"read-input", 0, guarded<read_input>},
    {"link", 2, guarded<link_file>},
    {"names", 1, guarded<count_names>},
    {"rename", 2, guarded<rename_path>},
    {"remove", 1, guarded<remove_tree>},
    {"running", 0, guarded<running_images>},
    {"room", 1, guarded<free_room>},
    {"lease-take", 1, guarded<take_lease>},
    {"lease-inherit", 1, guarded<inherit_lease>},
    {"lease-drop", 1, guarded<drop_lease>},
    {"wait", 1, guarded<wait_a_while>},
    {"transfer", 1, guarded<net::start_transfer>},
    {"transfer-wait", 1, guarded<net::wait_for_transfer>},
    {"verify-signature", 3, guarded<net::verify_signature>},
    {"transfer-progress", 0, guarded<net::transfers_under_way>},
};

}  // namespace

std::span<const Question> image_questions() { return kQuestions; }

}  // namespace chrun
