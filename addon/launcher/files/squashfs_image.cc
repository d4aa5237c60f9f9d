#include "launcher/files/squashfs_image.h"

#include <unistd.h>

#include "base/error.h"
#include "base/own_path.h"

namespace chrun {

squashfs::ServedImage serve_squashfs_image(HostPath image, bool share, std::vector<std::string> look_ups) {
  const std::string server = sibling_program("ch-run-ts-squashfs");
  if (access(server.c_str(), X_OK) != 0) {
    throw Error("this ch-run-ts was built without SquashFS: there is no " + server,
                "install the libraries (Debian: libdeflate-dev liblzma-dev liblzo2-dev liblz4-dev libzstd-dev) and "
                "build it again, or unpack the image with unsquashfs and run the directory",
                Exit::server);
  }
  return squashfs::serve_squashfs({std::move(image), server, std::move(look_ups), share});
}

}  // namespace chrun
