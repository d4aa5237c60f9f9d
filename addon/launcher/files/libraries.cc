#include "launcher/files/libraries.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/image_path.h"
#include "launcher/log/log.h"

namespace chrun {
namespace {

#if defined(__x86_64__)
constexpr const char* kMachine = "x86_64";
#elif defined(__aarch64__)
constexpr const char* kMachine = "aarch64";
#elif defined(__powerpc64__)
constexpr const char* kMachine = "powerpc64le";
#elif defined(__riscv)
constexpr const char* kMachine = "riscv64";
#else
constexpr const char* kMachine = "unknown";
#endif

constexpr size_t kLargestPathFile = 64 << 10;

/// The dynamic linker of the GNU C library searches the directory in which it is installed together with libc.
std::string gnu_directory(int root) {
  const std::string triplet = std::string(kMachine) + "-linux-gnu";
  for (const std::string& directory : {"/usr/lib/" + triplet, "/lib/" + triplet, std::string("/usr/lib64"),
                                       std::string("/lib64"), std::string("/usr/lib"), std::string("/lib")}) {
    if (open_in_image(root, directory + "/libc.so.6")) return directory;
  }
  return {};
}

/// The directories in the file that replaces the built-in search path of musl's loader.
std::string first_directory_in(int root, const std::string& path) {
  const Fd place = open_in_image(root, path);
  const Fd file(place ? open(descriptor_path(place.get()).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1);
  const std::string text = file ? read_all(file.get(), path, kLargestPathFile) : std::string();
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find_first_of(":\n", start), text.size());
    const std::string directory = text.substr(start, end - start);
    if (directory.starts_with('/') && open_in_image(root, directory)) return directory;
    start = end + 1;
  }
  return {};
}

std::string musl_directory(int root) {
  const std::string machine = std::string("ld-musl-") + kMachine;
  if (!open_in_image(root, "/lib/" + machine + ".so.1")) return {};
  const std::string chosen = first_directory_in(root, "/etc/" + machine + ".path");
  return chosen.empty() ? "/lib" : chosen;
}

/// One for each loader in the image: there may be two.
std::vector<std::string> searched_directories(int root) {
  std::vector<std::string> directories;
  for (auto directory : {gnu_directory(root), musl_directory(root)}) {
    if (!directory.empty()) directories.push_back(std::move(directory));
  }
  if (directories.empty()) log::verbose(1, "the image has no loader that is known: its programs need no libraries");
  return directories;
}

bool is_same_directory(int root, const std::string& one, const std::string& other) {
  const Fd a = open_in_image(root, one), b = open_in_image(root, other);
  struct stat first, second;
  return a && b && fstat(a.get(), &first) == 0 && fstat(b.get(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/// The names of libraries in a guest directory; none where it is not there.
std::vector<std::string> libraries_in(int root, const std::string& directory) {
  std::vector<std::string> names;
  const Fd place = open_in_image(root, directory);
  DIR* listing = place ? opendir(descriptor_path(place.get()).c_str()) : nullptr;
  if (!listing) return names;
  while (const dirent* each = readdir(listing)) {
    const std::string name = each->d_name;
    if (name.starts_with("lib") && name.find(".so") != std::string::npos) names.push_back(name);
  }
  closedir(listing);
  return names;
}

std::vector<Link> links_to(const std::string& directory, const std::vector<std::string>& names) {
  std::vector<Link> links;
  for (const std::string& name : names) links.push_back({directory + "/" + name, name});
  return links;
}

}  // namespace

void show_libraries(const ChangedImage& image, const std::string& folder, const std::vector<std::string>& names) {
  for (const std::string& directory : searched_directories(image.root)) {
    if (is_same_directory(image.root, directory, folder)) continue;
    make_links(image, directory, links_to(folder, names));
  }
}

void prefer_newer_cuda(const ChangedImage& image, const std::string& directory, const std::string& driver) {
  constexpr std::string_view prefix = "libcuda.so.";
  const auto names = libraries_in(image.root, directory);
  int newest = 0;
  for (const std::string& name : names) {
    // libcuda.so.1 is the link to the library, libcuda.so.550.54.14 is the library
    if (!name.starts_with(prefix) || name.find('.', prefix.size()) == std::string::npos) continue;
    newest = std::max(newest, atoi(name.c_str() + prefix.size()));
  }
  if (newest <= atoi(driver.c_str())) return;
  log::verbose(1, "the CUDA libraries in " + directory + " are newer than the driver of the host: they are used");
  for (const std::string& place : searched_directories(image.root))
    make_links(image, place, links_to(directory, names));
}

}  // namespace chrun
