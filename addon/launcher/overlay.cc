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
Fd mount_overlay(int root, int upper, const std::string& what) {
  make_directory(upper, "upper", what);
  make_directory(upper, "work", what);
  // by descriptors: no byte of a path has to be quoted. userxattr: the only marks that are ours to set without
  // privilege. index=on: then the kernel refuses a layer that is in use already.
  const std::string layer = descriptor_path(upper);
  const std::string options = "lowerdir=" + descriptor_path(root) + ",upperdir=" + layer + "/upper,workdir=" + layer +
                              "/work,userxattr,index=on";
  // the guest's /dev is a place that every image has; what is mounted there now is soon out of sight
  const Fd place = open_in_image(root, "/dev");
  if (!place) throw Error("can't mount an overlay: there is no /dev in the image");
  if (mount("overlay", descriptor_path(place.get()).c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    const int code = errno;
    throw Error(SysError("mount an overlay with its upper layer in " + what, "mount", code).what(),
                refusal_hint(upper, code));
  }
  return open_in_image(root, "/dev");
}

bool is_directory(const std::string& source) {
  struct stat status;
  if (stat(source.c_str(), &status) != 0) throw SysError("bind " + source, "stat");
  return S_ISDIR(status.st_mode);
}

void cover_parent(Fd& view, int root, const std::string& path, bool file) {
  if (Fd cover = make_by_overmount(view ? view.get() : root, path, file)) view = std::move(cover);
}

/// In an overlay, and where there can be none or its parent belongs to somebody else, by covering the parent.
void make_destination(Fd& view, int root, const std::string& path, bool file) {
  std::exception_ptr refusal;
  try {
    if (!view) view = overlay_in_memory(root, "4m");
    create_in_image(view.get(), path, file);
    return;
  } catch (const Error& error) {
    log::verbose(1, std::string(error.what()) + "; so its parent is covered");
    refusal = std::current_exception();
  }
  try {
    cover_parent(view, root, path, file);
  } catch (const Error& error) {
    log::verbose(1, error.what());
    std::rethrow_exception(refusal);
  }
}

}  // namespace

Layer begin_layer(int root, const std::string& size) {
  tmpfs_into_image(root, "/dev", "mode=0755,size=" + size);
  Layer layer{open_in_image(root, "/dev"), {}};
  make_directory(layer.memory.get(), "upper", "memory");
  layer.upper = Fd(openat(layer.memory.get(), "upper", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!layer.upper) throw SysError("open the upper layer of an overlay", "open");
  return layer;
}

Fd overlay_with_layer(int root, const Layer& layer) { return mount_overlay(root, layer.memory.get(), "memory"); }

Fd overlay_in_memory(int root, const std::string& size) { return overlay_with_layer(root, begin_layer(root, size)); }

Fd overlay_in_directory(int root, const std::string& directory) {
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    throw SysError("make the overlay directory " + directory, "mkdir");
  }
  const Fd upper(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!upper) throw SysError("use the overlay directory " + directory, "open");
  return mount_overlay(root, upper.get(), directory);
}

Fd make_destinations(int root, const std::vector<Sides>& binds) {
  Fd view;
  for (const auto& [source, destination] : binds) {
    const int current = view ? view.get() : root;
    if (open_in_image(current, destination)) continue;
    const bool file = !is_directory(source);
    if (file && open_link_in_image(current, destination)) continue;
    make_destination(view, root, destination, file);
  }
  if (view) make_read_only(view.get(), "the overlay");
  return view;
}

void place_destinations(const LayeredImage& image, const std::vector<Sides>& binds) {
  for (const auto& [source, destination] : binds) place_in_image(image, destination, !is_directory(source));
}

}  // namespace chrun
