// slow-file FILE DIRECTORY MILLISECONDS: shows FILE as DIRECTORY/file, where each read takes so much longer, as on a
// busy parallel file system; up to 64 at once. Runs until it is unmounted, then prints how many reads there were, and
// how many at once. As root.
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr uint64_t kNode = 2;
constexpr uint32_t kLongest = 128 << 10;
constexpr unsigned kThreads = 64;

struct Slow {
  int device, file;
  uint64_t size;
  long milliseconds;
  std::atomic<unsigned> reads{0}, at_once{0}, most_at_once{0};

  void begin_read() {
    ++reads;
    const unsigned now = ++at_once;
    for (unsigned most = most_at_once; now > most && !most_at_once.compare_exchange_weak(most, now);) {
    }
  }
};

fuse_attr attributes(const Slow& slow, uint64_t node) {
  fuse_attr out{};
  out.ino = node;
  out.size = node == kNode ? slow.size : 0;
  out.mode = node == kNode ? S_IFREG | 0444 : S_IFDIR | 0555;
  out.nlink = 1;
  out.blksize = 4096;
  return out;
}

void reply(const Slow& slow, uint64_t request, int error, const void* data = nullptr, size_t size = 0) {
  fuse_out_header header{static_cast<uint32_t>(sizeof header + size), -error, request};
  const iovec parts[] = {{&header, sizeof header}, {const_cast<void*>(data), size}};
  (void)!writev(slow.device, parts, size ? 2 : 1);
}

void answer(Slow& slow, const fuse_in_header& header, const char* body, std::vector<char>& bytes) {
  constexpr uint64_t kYear = 365 * 24 * 3600;
  switch (header.opcode) {
    case FUSE_INIT: {
      fuse_init_out out{};
      out.major = 7, out.minor = 31;
      out.max_readahead = out.max_write = kLongest;
      out.flags = FUSE_ASYNC_READ | FUSE_MAX_PAGES;
      out.max_pages = kLongest / 4096;
      out.max_background = kThreads, out.congestion_threshold = kThreads;
      return reply(slow, header.unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
      if (strcmp(body, "file") != 0) return reply(slow, header.unique, ENOENT);
      fuse_entry_out out{};
      out.nodeid = kNode;
      out.entry_valid = out.attr_valid = kYear;
      out.attr = attributes(slow, kNode);
      return reply(slow, header.unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR: {
      fuse_attr_out out{};
      out.attr_valid = kYear;
      out.attr = attributes(slow, header.nodeid);
      return reply(slow, header.unique, 0, &out, sizeof out);
    }
    case FUSE_READ: {
      const auto* in = reinterpret_cast<const fuse_read_in*>(body);
      slow.begin_read();
      usleep(static_cast<useconds_t>(slow.milliseconds * 1000));
      const ssize_t got = pread(slow.file, bytes.data(), std::min(in->size, kLongest), static_cast<off_t>(in->offset));
      --slow.at_once;
      return reply(slow, header.unique, got < 0 ? errno : 0, bytes.data(), got < 0 ? 0 : static_cast<size_t>(got));
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    default:
      return reply(slow, header.unique, ENOSYS);
  }
}

void serve(Slow& slow) {
  std::vector<char> request(kLongest + 4096), bytes(kLongest);
  for (;;) {
    const ssize_t size = read(slow.device, request.data(), request.size());
    if (size < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
    if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) {
      static std::once_flag once;
      std::call_once(once, [&] {
        printf("%u reads, %u at once\n", slow.reads.load(), slow.most_at_once.load());
        fflush(stdout);
        _exit(0);
      });
    }
    answer(slow, *reinterpret_cast<fuse_in_header*>(request.data()), request.data() + sizeof(fuse_in_header), bytes);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 64;
  Slow slow{open("/dev/fuse", O_RDWR | O_CLOEXEC), open(words[1], O_RDONLY | O_CLOEXEC), 0, atol(words[3])};
  struct stat status;
  if (slow.device < 0 || slow.file < 0 || fstat(slow.file, &status) < 0) return perror("slow-file"), 1;
  slow.size = static_cast<uint64_t>(status.st_size);
  const std::string options = "fd=" + std::to_string(slow.device) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (mount("slow-file", words[2], "fuse.slow", MS_RDONLY | MS_NOSUID | MS_NODEV, options.c_str()) < 0)
    return perror("slow-file: mount"), 1;
  // mounted when this returns
  if (daemon(0, 1) < 0) return 1;
  for (unsigned each = 1; each < kThreads; ++each) std::thread(serve, std::ref(slow)).detach();
  serve(slow);
}
