#include "squashfs/server/fuse_ops.h"

#include <unistd.h>

#include <algorithm>

#include "squashfs/meet/fuse_device.h"

namespace chrun::squashfs {
namespace {

// An image never changes while it is mounted: what the kernel has learnt stays true. (A year: the kernel's arithmetic
// takes it without overflow on every word size.)
constexpr uint64_t kForEver = 365 * 24 * 3600;
constexpr uint64_t kNodeOffset = 2;           // node 1 is the root, 0 means "none"; any reference may be used otherwise
constexpr uint64_t kNumberZero = 1ull << 32;  // shown for inode number 0, which readdir(3) takes for a removed file
constexpr uint64_t kFirstEntry = 2;           // positions 1 and 2 follow "." and ".."
constexpr uint32_t kSequential = 64 << 10;    // a first read this long is the beginning of a sequential one
constexpr uint32_t kAhead = 4;                // blocks
constexpr uint64_t kSmallFile = 128 << 10;    // the kernel asks for that much at once
constexpr uint32_t kZeroesTails = 41;  // since 7.41 (Linux 6.12), the kernel does so where it is given a file's end
#ifdef __powerpc64__
constexpr uint32_t kIsTerminal = 0x402c7413;  // TCGETS of the kernel: libc's has the size of another structure in it
#else
constexpr uint32_t kIsTerminal = 0x5401;  // TCGETS
#endif
constexpr size_t kZerosSize = 64 << 10;
const uint8_t kZeros[kZerosSize] = {};

/// The beginning of fuse_init_in.
struct InitOffer {
  uint32_t major, minor, max_readahead, flags;
};

void add_slices(FuseReply& reply, const std::vector<Slice>& slices) {
  for (const Slice& slice : slices) {
    if (slice.block) {
      reply.add(slice.block->bytes.get() + slice.offset, slice.size);
    } else {
      for (size_t done = 0; done < slice.size; done += kZerosSize)
        reply.add(kZeros, std::min(kZerosSize, slice.size - done));
    }
  }
}

}  // namespace

/// While a request is worked on, it can be interrupted.
class FuseOps::Task {
 public:
  explicit Task(uint64_t request) { Work::current().begin(request); }
  ~Task() { Work::current().end(); }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
};

/// Memory of one reply, until it is sent.
struct FuseOps::Scratch {
  union {
    fuse_init_out init;
    fuse_entry_out entry;
    fuse_attr_out attributes;
    fuse_statfs_out statistics;
    fuse_getxattr_out xattr_size;
    fuse_open_out open;
  } out{};
  std::string text;
  std::vector<Slice> slices;

  template <typename Out>
  static FuseReply reply(const Out& out) {
    return FuseReply::bytes(&out, sizeof out);
  }
};

size_t FuseOps::receive(int device, uint8_t* buffer) {
  for (;;) {
    const ssize_t size = ::read(device, buffer, kRequestSize);
    if (size >= static_cast<ssize_t>(sizeof(fuse_in_header))) return static_cast<size_t>(size);
    // ENOENT: the request was taken back. ENODEV, the only other end: the last mount is gone, or was forced away.
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT)) return 0;
  }
}

void FuseOps::answer(int device, const uint8_t* bytes, size_t size) {
  const FuseRequest request{reinterpret_cast<const fuse_in_header*>(bytes), bytes + sizeof(fuse_in_header),
                            size - sizeof(fuse_in_header)};
  const uint32_t code = request.header->opcode;
  // no reply
  if (code == FUSE_FORGET || code == FUSE_BATCH_FORGET) return forget(request);
  if (code == FUSE_INTERRUPT) return interrupt(device, request);
  {
    const Task task(request.header->unique);
    Scratch scratch;
    if (code == FUSE_IOCTL) give(device, request);
    dispatch(request, scratch).send(device, request.header->unique);
  }
  if (code == FUSE_READ) read_ahead(request);
}

void FuseOps::interrupt(int device, const FuseRequest& request) {
  const auto* in = request.part<fuse_interrupt_in>();
  if (!in) return;
  std::unique_lock lock(works_mutex_);
  if (std::ranges::any_of(works_, [in](Work* work) { return work->interrupt(in->unique); })) return;
  lock.unlock();
  // answered already, or a thread has just read it: then the kernel asks again, which it does only for what it waits
  // for
  FuseReply::error(EAGAIN).send(device, request.header->unique);
}

void FuseOps::forget(const FuseRequest& request) const {
  if (request.header->opcode == FUSE_FORGET) return given_.remove(request.header->nodeid);
  const auto* in = request.part<fuse_batch_forget_in>();
  if (!in) return;
  const auto* each = reinterpret_cast<const fuse_forget_one*>(in + 1);
  const size_t sent = (request.size - sizeof *in) / sizeof *each;
  for (size_t left = std::min<size_t>(in->count, sent); left > 0; --left) given_.remove(each++->nodeid);
}

/// Interpreters ask of each file that they open whether it is a terminal, and then read it. Before the answer, the
/// content of a small file goes to the kernel's page cache: that saves a request.
void FuseOps::give(int device, const FuseRequest& request) const {
  const auto* in = request.part<fuse_ioctl_in>();
  const uint64_t node = request.header->nodeid;
  if (!in || in->cmd != kIsTerminal || !gives_) return;
  // it waits while the kernel reads the same page: half of the threads stay free to answer that
  if (giving_.fetch_add(1) < serving_ / 2) try {
      const Inode file = inode_of(node);
      if (file.type == Type::file && file.size > 0 && file.size <= kSmallFile && given_.add(node)) {
        const fuse_notify_store_out place{
            .nodeid = node, .offset = 0, .size = static_cast<uint32_t>(file.size), .padding = 0};
        FuseReply notice = FuseReply::notice(FUSE_NOTIFY_STORE);
        notice.add(&place, sizeof place);
        const auto slices = files_.data.read(file, 0, file.size);
        add_slices(notice, slices);
        notice.send(device, 0);
      }
    } catch (const std::exception&) {
      // a process that really reads it gets the error
    }
  giving_.fetch_sub(1);
}

FuseReply FuseOps::dispatch(const FuseRequest& request, Scratch& scratch) const try {
  switch (request.header->opcode) {
    case FUSE_INIT:
      return init(request, scratch);
    case FUSE_LOOKUP:
      return lookup(request, scratch);
    case FUSE_GETATTR:
      return get_attributes(request, scratch);
    case FUSE_READLINK:
      return read_link(request, scratch);
    case FUSE_READ:
      return read(request, scratch);
    case FUSE_READDIR:
      return read_directory(request, scratch, false);
    case FUSE_READDIRPLUS:
      return read_directory(request, scratch, true);
    case FUSE_GETXATTR:
      return get_xattr(request, scratch);
    case FUSE_LISTXATTR:
      return list_xattrs(request, scratch);
    case FUSE_IOCTL:
      return FuseReply::error(ENOTTY);
    case FUSE_STATFS:
      return statistics(scratch);
    case FUSE_OPENDIR:
      if (opens_directories_) return open_directory(scratch);
      [[fallthrough]];
    default:
      // the kernel remembers this for open, opendir, flush, access, lseek …, does without us and never asks again
      return FuseReply::error(ENOSYS);
  }
} catch (const Interrupted&) {
  return FuseReply::error(EINTR);
} catch (const SysError& failure) {
  return FuseReply::error(failure.code());
} catch (const std::bad_alloc&) {
  return FuseReply::error(ENOMEM);
} catch (const std::exception&) {
  return FuseReply::error(EIO);
}

FuseReply FuseOps::init(const FuseRequest& request, Scratch& scratch) const {
  // what all versions send; since 7.36 (Linux 5.17) more follows
  const auto* offer = request.part<InitOffer>();
  // 7.26 came with Linux 4.16; user namespaces may mount FUSE since 4.18
  if (!offer || offer->major != 7 || offer->minor < 26) return FuseReply::error(EPROTO);
  gives_ = offer->minor >= kZeroesTails;
  opens_directories_ = !(offer->flags & FUSE_NO_OPENDIR_SUPPORT);
  const uint32_t wanted = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
                          FUSE_CACHE_SYMLINKS | FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT | FUSE_MAX_PAGES;
  fuse_init_out& out = scratch.out.init;
  out.major = 7;
  out.minor = std::min<uint32_t>(offer->minor, FUSE_KERNEL_MINOR_VERSION);
  out.max_readahead = offer->max_readahead;
  out.flags = offer->flags & wanted;
  out.max_background = 64;
  out.congestion_threshold = 48;
  out.max_write = 4096;
  out.time_gran = 1'000'000'000;
  out.max_pages = static_cast<uint16_t>(kLongestRead / sysconf(_SC_PAGESIZE));  // the kernel's, of up to 64 KiB
  return Scratch::reply(out);
}

Inode FuseOps::inode_of(uint64_t node) const {
  return node == FUSE_ROOT_ID ? files_.root : read_inode(files_.metadata, Reference::unpack(node - kNodeOffset));
}

uint64_t FuseOps::node_of(Reference reference) const {
  const uint64_t packed = reference.pack();
  return packed == files_.root.reference.pack() ? FUSE_ROOT_ID : packed + kNodeOffset;
}

uint64_t FuseOps::number_of(uint32_t number) const { return number ? number : kNumberZero; }

fuse_attr FuseOps::attributes_of(const Inode& inode) const {
  fuse_attr out{};
  out.ino = number_of(inode.number);
  out.size = inode.size;
  out.blocks = inode.blocks_512;
  out.atime = out.mtime = out.ctime = inode.mtime;
  out.mode = inode.mode();
  out.nlink = inode.links;
  // Ids 0 are those of the user who mounts (see mount.cc): every file is that user's own, who can so read all of the
  // image whoever owned the files where it was packed, and permissions still say what may be executed.
  out.uid = out.gid = 0;
  out.rdev = inode.device;
  out.blksize = files_.image.super().block_size;
  return out;
}

fuse_entry_out FuseOps::entry_of(const Inode& inode) const {
  fuse_entry_out out{};
  out.nodeid = node_of(inode.reference);
  out.entry_valid = out.attr_valid = kForEver;
  out.attr = attributes_of(inode);
  return out;
}

FuseReply FuseOps::lookup(const FuseRequest& request, Scratch& scratch) const {
  const auto found = find_entry(files_.metadata, inode_of(request.header->nodeid), request.text());
  // node 0 with a time: "there is no such name, and there will be none"
  scratch.out.entry.entry_valid = kForEver;
  if (found) {
    const Inode inode = read_inode(files_.metadata, *found);
    if (inode.type != Type::directory) habit_.looked_up(request.header->nodeid);
    scratch.out.entry = entry_of(inode);
  }
  return Scratch::reply(scratch.out.entry);
}

FuseReply FuseOps::get_attributes(const FuseRequest& request, Scratch& scratch) const {
  scratch.out.attributes.attr_valid = kForEver;
  scratch.out.attributes.attr = attributes_of(inode_of(request.header->nodeid));
  return Scratch::reply(scratch.out.attributes);
}

FuseReply FuseOps::read_link(const FuseRequest& request, Scratch& scratch) const {
  scratch.text = read_symlink(files_.metadata, inode_of(request.header->nodeid));
  return FuseReply::bytes(scratch.text.data(), scratch.text.size());
}

FuseReply FuseOps::read(const FuseRequest& request, Scratch& scratch) const {
  const auto* in = request.part<fuse_read_in>();
  if (!in) return FuseReply::error(EINVAL);
  const size_t size = std::min(in->size, kLongestRead);
  scratch.slices = files_.data.read(inode_of(request.header->nodeid), in->offset, size);
  if (in->offset == 0) given_.add(request.header->nodeid);
  FuseReply reply;
  add_slices(reply, scratch.slices);
  return reply;
}

void FuseOps::read_ahead(const FuseRequest& request) const {
  const auto* in = request.part<fuse_read_in>();
  if (!in || (in->offset == 0 && in->size < kSequential)) return;
  // half of the threads stay free for what processes really wait for
  if (reading_ahead_.fetch_add(1) < threads_ / 2) {
    try {
      files_.data.read_ahead(inode_of(request.header->nodeid), in->offset, in->size, kAhead, 2);
    } catch (const std::exception&) {
      // a process that really reads there gets the error
    }
  }
  reading_ahead_.fetch_sub(1);
}

bool FuseOps::add_entry(std::string& listing, size_t room, const DirectoryEntry& entry, uint64_t next, bool plus,
                        bool with_attributes) const {
  const bool dot = entry.name == "." || entry.name == "..";
  fuse_entry_out known{};
  fuse_dirent out{};
  out.ino = number_of(entry.number);
  out.off = next;
  out.namelen = static_cast<uint32_t>(entry.name.size());
  const size_t size = FUSE_DIRENT_ALIGN((plus ? sizeof known : 0) + FUSE_NAME_OFFSET + entry.name.size());
  if (listing.size() + size > room) return false;
  static constexpr uint32_t kTypes[] = {0, 4, 8, 10, 6, 2, 1, 12};  // DT_…
  out.type = kTypes[static_cast<uint16_t>(entry.type)];
  if (plus && !dot && with_attributes) try {
      known = entry_of(read_inode(files_.metadata, entry.inode));
      out.ino = known.attr.ino;
      out.type = known.attr.mode >> 12;
    } catch (const Damage&) {
      // node 0: listed all the same; opening it is an error
    }
  const size_t end = listing.size() + size;
  if (plus) listing.append(reinterpret_cast<const char*>(&known), sizeof known);
  listing.append(reinterpret_cast<const char*>(&out), FUSE_NAME_OFFSET).append(entry.name);
  listing.resize(end);
  return true;
}

bool FuseOps::add_dots(std::string& listing, size_t room, const Inode& directory, uint64_t& position, bool plus) const {
  const uint32_t parent =
      directory.reference.pack() == files_.root.reference.pack() ? directory.number : directory.parent;
  for (; position < kFirstEntry; ++position) {
    const DirectoryEntry dot{
        position == 0 ? "." : "..", {}, position == 0 ? directory.number : parent, Type::directory};
    if (!add_entry(listing, room, dot, position + 1, plus, false)) return false;
  }
  return true;
}

FuseReply FuseOps::read_directory(const FuseRequest& request, Scratch& scratch, bool plus) const {
  const auto* in = request.part<fuse_read_in>();
  if (!in) return FuseReply::error(EINVAL);
  const size_t room = std::min(in->size, kLongestRead);
  const Inode directory = inode_of(request.header->nodeid);
  uint64_t position = in->offset;
  const uint64_t node = request.header->nodeid;
  const bool all = plus && (position == 0 ? habit_.wants_attributes(node) : !habit_.is_lean(node));
  if (add_dots(scratch.text, room, directory, position, plus)) {
    DirectoryReader reader(files_.metadata, directory);
    if (position > kFirstEntry) reader.seek(position - kFirstEntry);
    while (const auto entry = reader.next()) {
      const bool known = all || entry->type == Type::directory;
      if (!add_entry(scratch.text, room, *entry, reader.position() + kFirstEntry, plus, known)) break;
    }
  }
  return FuseReply::bytes(scratch.text.data(), scratch.text.size());
}

FuseReply FuseOps::open_directory(Scratch& scratch) {
  scratch.out.open.open_flags = FOPEN_KEEP_CACHE;
  return Scratch::reply(scratch.out.open);
}

FuseReply FuseOps::get_xattr(const FuseRequest& request, Scratch& scratch) const {
  if (!files_.xattrs.any()) return FuseReply::error(ENOSYS);  // and the kernel never asks again
  const auto* in = request.part<fuse_getxattr_in>();
  if (!in) return FuseReply::error(EINVAL);
  auto value = files_.xattrs.get(inode_of(request.header->nodeid), request.text(sizeof *in));
  if (!value) return FuseReply::error(ENODATA);
  scratch.text = std::move(*value);
  scratch.out.xattr_size.size = static_cast<uint32_t>(scratch.text.size());
  if (in->size == 0) return Scratch::reply(scratch.out.xattr_size);
  if (in->size < scratch.text.size()) return FuseReply::error(ERANGE);
  return FuseReply::bytes(scratch.text.data(), scratch.text.size());
}

FuseReply FuseOps::list_xattrs(const FuseRequest& request, Scratch& scratch) const {
  if (!files_.xattrs.any()) return FuseReply::error(ENOSYS);
  const auto* in = request.part<fuse_getxattr_in>();
  if (!in) return FuseReply::error(EINVAL);
  scratch.text = files_.xattrs.list(inode_of(request.header->nodeid));
  scratch.out.xattr_size.size = static_cast<uint32_t>(scratch.text.size());
  if (in->size == 0) return Scratch::reply(scratch.out.xattr_size);
  if (in->size < scratch.text.size()) return FuseReply::error(ERANGE);
  return FuseReply::bytes(scratch.text.data(), scratch.text.size());
}

FuseReply FuseOps::statistics(Scratch& scratch) const {
  const Superblock& super = files_.image.super();
  fuse_kstatfs& out = scratch.out.statistics.st;
  out.bsize = out.frsize = super.block_size;
  out.blocks = (super.bytes_used + super.block_size - 1) >> super.block_log;
  out.files = super.inode_count;
  out.namelen = kMaxName - 1;
  return Scratch::reply(scratch.out.statistics);
}

}  // namespace chrun::squashfs
