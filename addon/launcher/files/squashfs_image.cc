#include "launcher/files/squashfs_image.h"

#include "base/error.h"
#include "base/own_path.h"

namespace chrun {

namespace {

Program find_server() {
  Program server = open_sibling("ch-run-ts-squashfs");
  if (server.file) return server;
  throw Error("this ch-run-ts was built without SquashFS: there is no " + server.path,
              how_to_get("SquashFS", "libdeflate-dev liblzma-dev liblz4-dev libzstd-dev") +
                  ", or unpack the image with unsquashfs and run the directory",
              Exit::server);
}

}  // namespace

squashfs::ServedImage serve_squashfs_image(squashfs::SquashfsRequest request) {
  request.server = find_server;
  return squashfs::serve_squashfs(request);
}

}  // namespace chrun
