// ch-run-ts-squashfs SOCKET IMAGE NAME OFFSET [DOOR|unmounted] [reads=DIRECTORY,COMMAND]: serves the SquashFS that
// begins at byte OFFSET of the file that is open as descriptor IMAGE, called NAME in messages. SOCKET leads to the
// launcher; DOOR, if given, is the listening socket where other launchers come; `unmounted` means that the launcher
// makes the mount and sends its device; DIRECTORY is where reads are remembered, COMMAND whose. Started by
// spawn_orphan() of the launcher, never by hand; but for --libraries, which prints what it is linked with, and --read
// IMAGE OFFSET PATH, which prints a file of an image; status 1 where there is none.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <thread>

#include "base/files.h"
#include "base/records.h"
#include "refusals/hints.h"
#include "squashfs/meet/refusal.h"
#include "squashfs/reader/decompress.h"
#include "squashfs/reader/read_file.h"
#include "squashfs/server/detach.h"
#include "squashfs/server/doorkeeper.h"
#include "squashfs/server/fuse_ops.h"
#include "squashfs/server/neighbours.h"
#include "squashfs/server/reads_store.h"
#include "squashfs/server/remembered_reads.h"
#include "squashfs/server/sandbox.h"

namespace chrun::squashfs {
namespace {

constexpr size_t kMetadataCache = 4 << 20, kMetadataCacheIdle = 1 << 20;
constexpr size_t kDataCache = 32 << 20, kDataCacheIdle = 4 << 20;
constexpr unsigned kMostWorkers = 16;
constexpr size_t kWorkerStack = 256 << 10;

unsigned worker_count() {
  cpu_set_t cpus;
  const unsigned cores = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? static_cast<unsigned>(CPU_COUNT(&cpus)) : 4;
  // two more than cores, as some wait for the disk
  return std::min(cores + 2, kMostWorkers);
}

std::string refusal_of(const Error& error) { return refusal_packet(error, hint_for(error)); }

/// Everything that the threads share. It lives until the process ends.
class Server {
 public:
  Server(Fd launcher, Fd door)
      : doorkeeper_(
            std::move(launcher), std::move(door), [this] { return tidy(); }, [this] { finish_reads(); }),
        workers_(worker_count()) {}

  /// `mounter`: none where the launcher makes the mount. `command`: whose reads are remembered, if there is a store.
  void run(Fd image, const std::string& name, uint64_t offset, std::optional<Mounter> mounter, ReadsStore store,
           uint64_t command) try {
    files_.emplace(std::move(image), name, offset, kMetadataCache, kDataCache);
    ops_.emplace(*files_, workers_);
    pressure_.emplace();
    neighbours_.emplace(files_->image, *pressure_);
    reads_.emplace(*files_, *pressure_, std::move(store), command, mounter ? mounter->channel() : -1);
    start_workers();
    enter_sandbox(Role::doorkeeper);
    if (auto note = reads_->begin()) doorkeeper_.record_reads(std::move(*note));
    files_->open_root();
    files_->image.watch(*neighbours_);
    device_ = mounter ? mounter->take_device() : doorkeeper_.receive_device();
    if (mounter) doorkeeper_.set_mounter(std::move(*mounter));
    ready_.store(true);
    ready_.notify_all();
    doorkeeper_.run();
  } catch (const Error& error) {
    doorkeeper_.refuse(refusal_of(error));
  }

 private:
  void start_workers() {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kWorkerStack);
    for (unsigned started = 0; started < workers_; ++started) {
      pthread_t thread;
      const int code = pthread_create(
          &thread, &attributes, [](void* self) { return static_cast<Server*>(self)->work(); }, this);
      if (code == EAGAIN && started > 0) break;  // a limit of the user's: fewer threads serve as well
      if (code) throw Refused("pthread_create", code).cannot("start a thread of the file-system server");
      pthread_detach(thread);
    }
    pthread_attr_destroy(&attributes);
  }

  void* work() {
    enter_sandbox(Role::worker);
    ready_.wait(false);
    ops_->serve(device_.get(), [this] {
      if (!busy_.load(std::memory_order_relaxed) && !busy_.exchange(true) && !timed_.exchange(true)) doorkeeper_.wake();
    });
    finish_reads();
    _exit(0);  // the last mount is gone, and so is the reason for all the other threads
  }

  /// Gives memory back once it has been quiet for a moment; until then says true, to be called again. No timer runs in
  /// an idle server: the next request starts one.
  bool tidy() {
    if (busy_.exchange(false)) return true;
    files_->metadata.trim(kMetadataCacheIdle);
    files_->data.trim(kDataCacheIdle);
    neighbours_->forget();
    malloc_trim(0);
    timed_ = false;
    return busy_ && !timed_.exchange(true);
  }

  void finish_reads() { reads_->finish(); }

  Doorkeeper doorkeeper_;
  std::optional<FileSystem> files_;
  std::optional<FuseOps> ops_;
  std::optional<Pressure> pressure_;
  std::optional<Neighbours> neighbours_;
  std::optional<RememberedReads> reads_;
  Fd device_;
  std::atomic<bool> ready_{false};  // there is a device, and something to answer
  const unsigned workers_;
  std::atomic<bool> busy_{false};   // a request came since tidy() last looked
  std::atomic<bool> timed_{false};  // tidy() will be called
};

int descriptor(const char* word) {
  int number = -1;
  const char* end = word + std::char_traits<char>::length(word);
  const auto [stop, error] = std::from_chars(word, end, number);
  return error == std::errc() && stop == end ? number : -1;
}

/// Words from the fifth on.
struct More {
  bool unmounted = false;
  Fd door, directory;
  uint64_t command = 0;
};

More parse_more(char** words) {
  constexpr std::string_view kReads = kReadsWord;
  More more;
  for (; *words; ++words) {
    const std::string_view word = *words;
    const size_t comma = word.find(',');
    if (word == kUnmounted) {
      more.unmounted = true;
    } else if (word.starts_with(kReads) && comma != std::string_view::npos) {
      more.directory = Fd(descriptor(std::string(word.substr(0, comma)).c_str() + kReads.size()));
      more.command = parse_number(word.substr(comma + 1), UINT64_MAX, "a command");
    } else {
      more.door = Fd(descriptor(*words));
    }
  }
  return more;
}

int read_out(const char* image, const char* offset, const char* path) try {
  constexpr size_t kMost = 4 << 20;
  Fd file(open(image, O_RDONLY | O_NOCTTY | O_CLOEXEC));
  if (!file) throw Refused("open").cannot(std::string("read the image ") + image);
  // never destroyed: the sandbox lets nothing be closed
  static FileSystem& files =
      *new FileSystem(std::move(file), image, parse_number(offset, INT64_MAX, "an offset"), kMetadataCache, kDataCache);
  enter_sandbox(Role::worker);
  files.open_root();
  const auto text = read_file(files, path, kMost);
  if (!text) return 1;
  write_all(STDOUT_FILENO, *text, "standard output");
  return 0;
} catch (const Error& error) {
  fputs(error.what(), stderr);
  return static_cast<int>(Exit::failure);
}

int run(int count, char** words) {
  if (count == 2 && std::string_view(words[1]) == "--libraries") {
    puts(library_versions().c_str());
    return 0;
  }
  if (count == 5 && std::string_view(words[1]) == "--read") return read_out(words[2], words[3], words[4]);
  if (count < 5 || count > 7) return static_cast<int>(Exit::usage);
  Fd launcher(descriptor(words[1])), image(descriptor(words[2]));
  More more = parse_more(words + 5);
  Fd& door = more.door;
  std::optional<Mounter> mounter;
  std::optional<ReadsStore> store;
  try {
    detach({&launcher, &image, &door, &more.directory});
    store.emplace(std::move(more.directory));
    if (!more.unmounted)
      mounter.emplace(words[3], bool(door), std::vector<const Fd*>{&launcher, &image, &door}, words[0], *store);
  } catch (const Error& error) {
    send_packet(launcher.get(), refusal_of(error));
    return static_cast<int>(Exit::failure);
  }
  // one arena for all threads: idle memory can be given back, and blocks are kept for use again by the cache anyway
  mallopt(M_ARENA_MAX, 1);
  static Server server(std::move(launcher), std::move(door));
  server.run(std::move(image), words[3], parse_number(words[4], INT64_MAX, "an offset"), std::move(mounter),
             std::move(*store), more.command);
  _exit(static_cast<int>(Exit::failure));  // threads may be running: nothing of theirs is taken down before
}

}  // namespace
}  // namespace chrun::squashfs

int main(int count, char** words) { return chrun::squashfs::run(count, words); }
