#include "launcher/files/overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/error.h"
#include "base/image_path.h"
#include "launcher/files/mounts.h"
#include "launcher/files/overmount.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

/// File systems that can't hold an upper directory, though the kernel does not say so.
constexpr struct {
  unsigned long magic;
  const char* name;
} kNoUpperDirectory[] = {
    {0x6969, "NFS"},        {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},      {0x65735546, "FUSE"},
    {0x00c36400, "CephFS"}, {0x19830326, "BeeGFS"}, {0x794c7630, "overlayfs"}, {0xff534d42, "CIFS"},
};

std::string upper_directory_hint(int directory) {
  struct statfs status;
  if (fstatfs(directory, &status) != 0) return {};
  for (const auto& entry : kNoUpperDirectory) {
    if (static_cast<unsigned long>(status.f_type) == entry.magic) {
      return std::string("it lies on ") + entry.name +
             ", which can't hold the upper directory of an overlay; choose a directory on a local disk, such as "
             "/var/tmp";
    }
  }
  return {};
}

/// Reasons that lie in this image or this upper directory; the table of refusals has those of the kernel.
std::string refusal_hint(int upper, int root, int code) {
  if (code == EBUSY) return "another container is using it; one at a time can write";
  if (code != EPERM && code != ENODEV && code != EINVAL) return {};
  const std::string hint = upper_directory_hint(upper), place = code == EINVAL ? mount_below(root) : "";
  if (!hint.empty() || place.empty()) return hint;
  return "something is mounted at " + place +
         " in the image, which the kernel does not let an overlay uncover; unmount it, or use --write on a copy of the "
         "image";
}

/// The mode is as given, whatever the user's umask is; an existing directory keeps its own.
void make_directory(int parent, const char* name, mode_t mode, const std::string& what) {
  const std::string action = "make " + std::string(name) + " in " + what;
  if (mkdirat(parent, name, mode) != 0) {
    if (errno != EEXIST) throw Refused("mkdir").cannot(action);
  } else if (fchmodat(parent, name, mode, 0) != 0) {
    throw Refused("chmod").cannot(action);
  }
}

UpperDirectory begin_upper(Fd home, int root, const std::string& name) {
  struct stat status;
  if (fstat(root, &status) != 0) throw Refused("fstat").cannot("look at the image's root directory");
  // the root directory of the overlay is the upper directory: it has the image's mode, and its owner can write there
  make_directory(home.get(), "upper", (status.st_mode & 07777) | 0700, name);
  make_directory(home.get(), "work", 0755, name);
  UpperDirectory upper{std::move(home), {}, name};
  upper.directory = Fd(openat(upper.home.get(), "upper", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!upper.directory) throw Refused("open").cannot("open the upper directory of an overlay in " + name);
  return upper;
}

std::vector<Destination> missing_ones(int root, const std::vector<Destination>& all) {
  std::vector<Destination> missing;
  for (const Destination& wanted : all) {
    if (open_in_image(root, wanted.path) || (wanted.file && open_link_in_image(root, wanted.path))) continue;
    missing.push_back(wanted);
  }
  return missing;
}

void make_read_only(int view, const std::string& name) {
  if (!restrict_tree(view, name, MS_RDONLY)) restrict_mount(view, name, MS_RDONLY);
}

/// The covers of all parents; `refusal` says why it can't be done otherwise.
Fd cover_parents(Stage& stage, int root, const std::vector<Destination>& all, const Error& refusal) {
  log::verbose(1, std::string(refusal.what()) + "; so parents are covered");
  try {
    return cover_destinations(stage, root, all);
  } catch (const Error& failure) {
    throw_reworded(refusal, std::string(failure.what()) + ", and " + refusal.what());
  }
}

}  // namespace

UpperDirectory begin_upper_in_memory(Stage& stage, int root, const std::string& size) {
  return begin_upper(stage.make("tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=" + size, "mount a tmpfs"), root,
                     "memory");
}

UpperDirectory begin_upper_in_directory(Fd directory, int root, const std::string& path) {
  return begin_upper(std::move(directory), root, path);
}

Fd open_upper_directory(const std::string& path) {
  const bool made = mkdir(path.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) throw Refused("mkdir").cannot("create the overlay directory " + path);
  Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw Refused("open").cannot("use the overlay directory " + path);
  // the umask says what others may do in it; we ourselves must be able to use it again
  struct stat status;
  if (made && fstat(directory.get(), &status) == 0 && (status.st_mode & 0700) != 0700)
    ::chmod(descriptor_path(directory.get()).c_str(), (status.st_mode & 07777) | 0700);
  return directory;
}

Fd put_overlay(Stage& stage, int root, const UpperDirectory& upper) {
  // by descriptors: no byte of a path has to be quoted. userxattr: the only xattrs that can be set without privilege.
  // index=on: then the kernel refuses an upper directory that is already in use.
  const std::string home = descriptor_path(upper.home.get());
  const std::string options =
      "lowerdir=" + descriptor_path(root) + ",upperdir=" + home + "/upper,workdir=" + home + "/work,userxattr,index=on";
  try {
    return stage.make("overlay", MS_NOSUID | MS_NODEV, options,
                      "mount an overlay with its upper directory in " + upper.name, stage.image());
  } catch (const SysError& refusal) {
    throw refusal.hinted(refusal_hint(upper.home.get(), root, refusal.code()));
  }
}

Fd make_destinations(Stage& stage, int root, const std::vector<Destination>& all) {
  const auto missing = missing_ones(root, all);
  if (missing.empty()) return {};
  const UpperDirectory upper = begin_upper_in_memory(stage, root, "4m");
  place_destinations({root, upper.directory.get()}, missing);
  Fd view;
  try {
    view = put_overlay(stage, root, upper);
  } catch (const Error& refusal) {
    return cover_parents(stage, root, missing, refusal);
  }
  make_read_only(view.get(), "the overlay");
  return view;
}

Fd create_destinations(Stage& stage, int root, const std::vector<Destination>& all) {
  const auto missing = missing_ones(root, all);
  Fd view;
  for (const Destination& wanted : missing) {
    const int current = view ? view.get() : root;
    try {
      create_in_image(current, wanted.path, wanted.file);
    } catch (const SysError& refusal) {
      if (refusal.code() != EACCES && refusal.code() != EROFS && refusal.code() != EOVERFLOW) throw;
      if (Fd cover = cover_parents(stage, current, {wanted}, refusal)) view = std::move(cover);
    }
  }
  return view;
}

Fd cover_destinations(Stage& stage, int root, const std::vector<Destination>& all) {
  Fd view;
  for (auto rest = missing_ones(root, all); !rest.empty(); rest = missing_ones(view ? view.get() : root, rest)) {
    if (Fd cover = make_by_overmount(stage, view ? view.get() : root, rest)) view = std::move(cover);
  }
  return view;
}

void place_destinations(const ChangedImage& image, const std::vector<Destination>& all) {
  for (const auto& [path, file] : all) place_in_image(image, path, file);
}

}  // namespace chrun
