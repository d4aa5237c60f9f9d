#include "pack/ship_reads.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "squashfs/reader/image.h"
#include "squashfs/reader/reads.h"

namespace chrun::pack {
namespace {

using Records = std::map<uint64_t, std::string>;  // by command

Records remembered(const std::string& memory, uint64_t image) {
  Records found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(memory.c_str()), closedir);
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
    if (!std::string_view(entry->d_name).ends_with(squashfs::kReadsEnding)) continue;
    struct stat status;
    const Fd file = squashfs::open_reads(dirfd(directory.get()), entry->d_name, status);
    const std::string text = file ? read_all(file.get(), entry->d_name, squashfs::kMostReads) : "";
    std::string_view rest = text;
    if (const auto one = squashfs::take_reads(rest, image); one && rest.empty()) found[one->command] = text;
  }
  return found;
}

/// What was shipped before, of the bytes after an image and its padding.
Records shipped(std::string_view bytes, const squashfs::Image& image) {
  Records found;
  while (const auto one = squashfs::take_reads(bytes, image.identity())) found[one->command] = one->record;
  if (!bytes.empty())
    throw Error("something other than remembered reads follows the image " + image.name() + " in its file",
                "make the image anew, or append records yourself");
  return found;
}

}  // namespace

size_t ship_reads(const std::string& path, const std::string& memory) {
  const Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!file) throw Refused("open").cannot("write to the image " + path);
  const squashfs::Image image(Fd(fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), path, 0);
  Records records = remembered(memory, image.identity());
  const size_t count = records.size();
  if (count == 0) return 0;
  const uint64_t padding = image.padding();
  if (image.bytes_behind() > padding + squashfs::kMostShipped) throw Error("too much follows the image " + path);
  const std::string behind = image.read_behind(padding + squashfs::kMostShipped);
  // what was remembered later wins
  records.merge(shipped(std::string_view(behind).substr(std::min<size_t>(padding, behind.size())), image));
  std::string text;
  for (const auto& [command, record] : records) text += record;
  if (text.size() > squashfs::kMostShipped)
    throw Error("reads of more commands are remembered than fit after the image " + path,
                "delete them with 'ch-run-ts --memo-clear', and run from it what matters");
  const auto end = static_cast<off_t>(image.super().bytes_used + padding);
  if (lseek(file.get(), end, SEEK_SET) < 0) throw Refused("lseek").cannot("write to the image " + path);
  write_all(file.get(), text, path);
  if (ftruncate(file.get(), end + static_cast<off_t>(text.size())) != 0)
    throw Refused("ftruncate").cannot("write to the image " + path);
  return count;
}

}  // namespace chrun::pack
