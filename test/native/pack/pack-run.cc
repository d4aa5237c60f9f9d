// pack-run OUT LAYER…: packs tar archives, the lowest first, into a SquashFS file. Then the same once more, from the
// packs of the layers: the bytes must be the same. For tests and benchmarks of the packer alone.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/error.h"
#include "base/files.h"
#include "pack/interrupt.h"
#include "pack/pack_layers.h"

namespace {

using namespace chrun;

Fd create(const std::string& path) {
  Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) throw Refused("open").cannot("write " + path);
  return file;
}

std::string content_of(const Fd& file) {
  if (lseek(file.get(), 0, SEEK_SET) != 0) throw Refused("lseek").cannot("read an image");
  return read_all(file.get(), "an image", size_t{1} << 32);
}

void pack_again(pack::PackRequest request, const std::string& out, const Fd& output, const pack::Packed& packed) {
  const std::string packs = out + ".packs";
  if (mkdir(packs.c_str(), 0755) != 0 || link(out.c_str(), (packs + "/image").c_str()) != 0)
    throw Refused("link").cannot("keep packs in " + packs);
  for (const auto& [diff_id, text] : packed.packs) write_all(create(packs + "/" + diff_id).get(), text, packs);
  for (size_t i = 0; i < request.layers.size(); ++i) {
    request.layers[i].pack = packs;
    request.layers[i].diff_id = packed.diff_ids[i];
  }
  const Fd again = create(out + ".again");
  request.output = again.get();
  const pack::Packed found = pack::pack_layers(request);
  if (found.known != request.layers.size()) throw Error("a layer was read again");
  if (found.packs != packed.packs) throw Error("other packs come from packs");
  if (content_of(again) != content_of(output)) throw Error("another image comes from packs");
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) return 64;
  try {
    const std::string out = words[1];
    const Fd output = create(out);
    pack::PackRequest request{output.get(), {}, {}, 3, pack::usable_processors(), 1ULL << 40, 10'000'000, {}, true};
    for (int i = 2; i < count; ++i) {
      struct stat status;
      if (stat(words[i], &status) != 0) throw Refused("stat").cannot(std::string("read ") + words[i]);
      pack::Layer layer{};
      layer.name = layer.path = words[i];
      layer.size = static_cast<uint64_t>(status.st_size);
      request.layers.push_back(std::move(layer));
    }
    const pack::Packed packed = pack::pack_layers(request);
    printf("%lu entries, %lu devices, %lu set-id, %lu xattrs left out\n", packed.entries, packed.left_out.devices,
           packed.left_out.set_id, packed.left_out.xattrs);
    pack_again(request, out, output, packed);
    return 0;
  } catch (const Error& failure) {
    fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
