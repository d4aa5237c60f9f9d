#include "host/version.h"

#include <fnmatch.h>

#include <sstream>

#include "base/build_id.h"
#include "host/compile_filter.h"

// binding.gyp says what they are; programs that tests build are without
#ifndef CH_RUN_VERSION
#define CH_RUN_VERSION "test"
#endif
#ifndef CH_RUN_COMPRESSORS
#define CH_RUN_COMPRESSORS ""
#endif

namespace chrun {
namespace {

#if defined(__x86_64__)
constexpr const char* kPlatform = "linux-x86_64";
constexpr const char* kArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr const char* kPlatform = "linux-aarch64";
constexpr const char* kArchitecture = "arm64";
#else
constexpr const char* kPlatform = "linux";
constexpr const char* kArchitecture = "unknown";
#endif

std::vector<std::string> compressors() {
  std::istringstream names(CH_RUN_COMPRESSORS);
  std::vector<std::string> found;
  for (std::string name; names >> name;) found.push_back(name);
  return found;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

std::vector<std::string> built_in_features() {
  std::vector<std::string> names = {
#ifdef FNM_EXTMATCH
      "extglob",
#endif
      "overlayfs",
#ifdef CH_RUN_SECCOMP
      "seccomp",
#endif
      "tmpfs-xattrs",  // used wherever the kernel has them
#ifdef CH_RUN_SQUASH
      "squash",
#endif
  };
#ifdef CH_RUN_SQUASH
  for (const auto& name : compressors()) names.push_back("squash-" + name);
#endif
  return names;
}

std::string architecture_name() { return kArchitecture; }

std::string version_text(const std::string& engine) {
  const auto or_none = [](const std::string& text) { return text.empty() ? "none" : text; };
  return std::string("ch-run-ts ") + CH_RUN_VERSION + " (features: " + join(built_in_features()) +
         ")\nplatform: " + kPlatform + "\nbuild: " + or_none(build_id()) +
         "\nSquashFS compressors: " + or_none(join(compressors())) +
         "\nseccomp: " + or_none(seccomp_library_version()) + "\nengine: " + engine + "\n";
}

}  // namespace chrun
