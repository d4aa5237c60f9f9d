#include "launcher/files/squashfs_image.h"

#include "base/error.h"
#include "base/own_path.h"

namespace chrun {

squashfs::ServedImage serve_squashfs_image(HostPath image, uint64_t offset, bool share,
                                           std::vector<std::string> look_ups,
                                           std::function<squashfs::ReadsPlace()> reads) {
  Program server = open_sibling("ch-run-ts-squashfs");
  if (!server.file) {
    throw Error("this ch-run-ts was built without SquashFS: there is no " + server.path,
                how_to_get("SquashFS", "libdeflate-dev liblzma-dev liblz4-dev libzstd-dev") +
                    ", or unpack the image with unsquashfs and run the directory",
                Exit::server);
  }
  return squashfs::serve_squashfs(
      {std::move(image), offset, std::move(server), std::move(look_ups), std::move(reads), share});
}

}  // namespace chrun
