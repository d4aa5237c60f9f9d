// The process that makes the FUSE mount, in namespaces of its own, and copies of it; and writes records of reads. The
// server stays outside, in the user's own namespaces and without any privilege: that is how launchers know it from a
// program in a container.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "squashfs/server/reads_store.h"

namespace chrun::squashfs {

class Mounter {
 public:
  /// Starts the process; to be called before there are threads. It ends with this object, from when on the mount lives
  /// only as long as its copies, or when it has given away the mount of a server that is not shared. `outside`:
  /// descriptors that it must not keep. Throws SysError. `name`: of this program among its words, where ps(1) looks; it
  /// becomes the process's. If `reads` has a directory, it stays for save_reads(), also where it has given away the
  /// mount.
  Mounter(const std::string& image, bool shared, const std::vector<const Fd*>& outside, char* name,
          const ReadsStore& reads);

  /// Where the requests come from. To be called once, first. Throws what the process could not do.
  Fd take_device();
  /// A detached copy of the mount, or the only mount of a server that is not shared. Empty where there can't be one.
  Fd take_mount();
  /// Has a copy made for the next take_mount(), which then need not wait for the process.
  void prepare_mount();
  /// Has these guest paths, each ended by NUL, looked up before the next copy is made.
  void look_up(std::string_view paths);
  /// How to have a record written that was put into the store: any thread may write these words to that descriptor.
  static std::string save_words(const ReadsKey& key, size_t size);
  int channel() const { return channel_.get(); }

 private:
  bool shared_;
  bool prepared_ = false;
  Fd channel_;
};

}  // namespace chrun::squashfs
