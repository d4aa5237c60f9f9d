#include "launcher/overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "base/error.h"
#include "launcher/image_path.h"
#include "launcher/log.h"
#include "launcher/mounts.h"
#include "launcher/overmount.h"

namespace chrun {
namespace {

/// File systems that the kernel takes as an upper layer without saying why not, or never takes.
constexpr struct {
  unsigned long magic;
  const char* name;
} kNoUpperLayer[] = {
    {0x6969, "NFS"},        {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},      {0x65735546, "FUSE"},
    {0x00c36400, "CephFS"}, {0x19830326, "BeeGFS"}, {0x794c7630, "overlayfs"}, {0xff534d42, "CIFS"},
};

std::string upper_layer_hint(int directory) {
  struct statfs status;
  if (fstatfs(directory, &status) != 0) return {};
  for (const auto& entry : kNoUpperLayer) {
    if (static_cast<unsigned long>(status.f_type) == entry.magic) {
      return std::string("it lies on ") + entry.name +
             ", which can't hold the upper layer of an overlay; choose a directory on a local disk, such as /var/tmp";
    }
  }
  return {};
}

std::string kernel_release() {
  struct utsname name;
  return uname(&name) == 0 ? name.release : "of an unknown version";
}

std::string refusal_hint(int upper, int code) {
  if (code == EBUSY) return "another container is using it; one at a time can write";
  if (code == EPERM || code == ENODEV || code == EINVAL) {
    const std::string hint = upper_layer_hint(upper);
    if (!hint.empty()) return hint;
    return "this is Linux " + kernel_release() +
           "; overlays without privilege need 5.11 or later, with CONFIG_OVERLAY_FS; without one, use --write on a "
           "copy "
           "of the image";
  }
  return {};
}

void make_directory(int parent, const char* name, const std::string& what) {
  if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST)
    throw SysError("make " + std::string(name) + " in " + what, "mkdir");
}

/// Mounts the overlay of the image at `root` and the layer in directory `upper`, which `what` calls it.
Fd mount_overlay(Stage& stage, int root, int upper, const std::string& what) {
  make_directory(upper, "upper", what);
  make_directory(upper, "work", what);
  // by descriptors: no byte of a path has to be quoted. userxattr: the only marks that are ours to set without
  // privilege. index=on: then the kernel refuses a layer that is in use already.
  const std::string layer = descriptor_path(upper);
  const std::string options = "lowerdir=" + descriptor_path(root) + ",upperdir=" + layer + "/upper,workdir=" + layer +
                              "/work,userxattr,index=on";
  try {
    return stage.make("overlay", MS_NOSUID | MS_NODEV, options, "mount an overlay with its upper layer in " + what);
  } catch (const SysError& refusal) {
    throw Error(refusal.what(), refusal_hint(upper, refusal.code()));
  }
}

void cover_parent(Stage& stage, Fd& view, int root, const Destination& wanted) {
  if (Fd cover = make_by_overmount(stage, view ? view.get() : root, wanted.path, wanted.file)) view = std::move(cover);
}

/// In an overlay, and where there can be none or its parent belongs to somebody else, by covering the parent.
void make_destination(Stage& stage, Fd& view, int root, const Destination& wanted) {
  std::exception_ptr refusal;
  try {
    if (!view) view = overlay_in_memory(stage, root, "4m");
    create_in_image(view.get(), wanted.path, wanted.file);
    return;
  } catch (const Error& error) {
    log::verbose(1, std::string(error.what()) + "; so its parent is covered");
    refusal = std::current_exception();
  }
  try {
    cover_parent(stage, view, root, wanted);
  } catch (const Error& error) {
    log::verbose(1, error.what());
    std::rethrow_exception(refusal);
  }
}

}  // namespace

Layer begin_layer(Stage& stage, const std::string& size) {
  Layer layer{stage.make("tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=" + size, "mount a tmpfs"), {}};
  make_directory(layer.memory.get(), "upper", "memory");
  layer.upper = Fd(openat(layer.memory.get(), "upper", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!layer.upper) throw SysError("open the upper layer of an overlay", "open");
  return layer;
}

Fd overlay_with_layer(Stage& stage, int root, const Layer& layer) {
  return mount_overlay(stage, root, layer.memory.get(), "memory");
}

Fd overlay_in_memory(Stage& stage, int root, const std::string& size) {
  return overlay_with_layer(stage, root, begin_layer(stage, size));
}

Fd open_upper_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) throw SysError("make the overlay directory " + path, "mkdir");
  Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw SysError("use the overlay directory " + path, "open");
  return directory;
}

Fd overlay_in_directory(Stage& stage, int root, int directory, const std::string& path) {
  return mount_overlay(stage, root, directory, path);
}

Fd make_destinations(Stage& stage, int root, const std::vector<Destination>& all) {
  Fd view;
  for (const Destination& wanted : all) {
    const int current = view ? view.get() : root;
    if (open_in_image(current, wanted.path)) continue;
    if (wanted.file && open_link_in_image(current, wanted.path)) continue;
    make_destination(stage, view, root, wanted);
  }
  if (view && !restrict_tree(view.get(), "the overlay", MS_RDONLY))
    restrict_mount(view.get(), "the overlay", MS_RDONLY);
  return view;
}

void place_destinations(const LayeredImage& image, const std::vector<Destination>& all) {
  for (const auto& [path, file] : all) place_in_image(image, path, file);
}

}  // namespace chrun
