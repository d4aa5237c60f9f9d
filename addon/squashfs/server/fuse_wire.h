// The FUSE protocol's envelope: requests in, replies out. Spoken to /dev/fuse directly: for the dozen requests that a
// read-only file system gets, a library would be more code to start than this is to read.
// Structures: linux/fuse.h; meaning: https://docs.kernel.org/filesystems/fuse.html and fuse(4)
#pragma once
#include <linux/fuse.h>
#include <sys/uio.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace chrun::squashfs {

/// A request as read from /dev/fuse.
struct FuseRequest {
  const fuse_in_header* header;
  const uint8_t* body;
  size_t size;  // of the body

  /// The body's fixed part; nullptr where the kernel sent less.
  template <typename Part>
  const Part* part() const {
    return size >= sizeof(Part) ? reinterpret_cast<const Part*>(body) : nullptr;
  }
  /// The text that follows `skip` bytes, up to its NUL.
  std::string_view text(size_t skip = 0) const;
};

/// What a request handler answers: an errno value, or parts to send as they lie in memory.
class FuseReply {
 public:
  static FuseReply error(int code);
  /// Not an answer, but told without a question (enum fuse_notify_code): to be sent as that of request 0.
  static FuseReply notice(int code) { return error(-code); }
  static FuseReply bytes(const void* data, size_t size);
  /// Adds a part, which must stay where it is until the reply is sent.
  void add(const void* data, size_t size);

  /// Sends it. Errors are not ours: the process that asked may have been killed meanwhile.
  void send(int device, uint64_t unique);

 private:
  int error_ = 0;
  std::vector<iovec> parts_{iovec{}};  // the first is the header's place
};

}  // namespace chrun::squashfs
