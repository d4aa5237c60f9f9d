// pack-run OUT LAYER…: packs tar archives, the lowest first, into a SquashFS file. For tests and benchmarks of the
// packer alone.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/error.h"
#include "pack/interrupt.h"
#include "pack/pack_layers.h"

int main(int count, char** words) {
  using namespace chrun;
  if (count < 2) return 64;
  try {
    const Fd output(open(words[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!output) throw Refused("open").cannot(std::string("write ") + words[1]);
    pack::PackRequest request{output.get(), {}, {}, 3, pack::usable_processors(), 1ULL << 40, 10'000'000, {}};
    for (int i = 2; i < count; ++i) {
      struct stat status;
      if (stat(words[i], &status) != 0) throw Refused("stat").cannot(std::string("read ") + words[i]);
      request.layers.push_back({words[i], words[i], 0, static_cast<uint64_t>(status.st_size), "", ""});
    }
    const pack::Packed packed = pack::pack_layers(request);
    printf("%lu entries, %lu devices, %lu set-id, %lu xattrs left out\n", packed.entries, packed.left_out.devices,
           packed.left_out.set_id, packed.left_out.xattrs);
    return 0;
  } catch (const Error& failure) {
    fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
