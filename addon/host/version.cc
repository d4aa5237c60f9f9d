#include "host/version.h"

#include <elf.h>
#include <fnmatch.h>
#include <link.h>

#include <cstring>
#include <sstream>

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
#elif defined(__aarch64__)
constexpr const char* kPlatform = "linux-aarch64";
#else
constexpr const char* kPlatform = "linux";
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

std::string to_digits(const unsigned char* bytes, size_t size) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; i++) (text += kDigits[bytes[i] >> 4]) += kDigits[bytes[i] & 15];
  return text;
}

/// elf(5): notes are a header, a name and a description, each aligned to 4 bytes.
std::string find_build_id(const char* at, const char* end) {
  while (at + sizeof(ElfW(Nhdr)) <= end) {
    ElfW(Nhdr) note;
    memcpy(&note, at, sizeof note);
    const char* const name = at + sizeof note;
    const char* const description = name + ((note.n_namesz + 3) & ~3U);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0)
      return to_digits(reinterpret_cast<const unsigned char*>(description), note.n_descsz);
    at = description + ((note.n_descsz + 3) & ~3U);
  }
  return {};
}

/// The program comes first, and the addon is looked for by an address in it.
int look_into(dl_phdr_info* object, size_t, void* found) {
  const auto here = reinterpret_cast<uintptr_t>(&look_into);
  std::string id;
  bool is_ours = false;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const auto& part = object->dlpi_phdr[i];
    const uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD) is_ours |= here >= begin && here < begin + part.p_memsz;
    if (part.p_type == PT_NOTE && id.empty())
      id = find_build_id(reinterpret_cast<const char*>(begin), reinterpret_cast<const char*>(begin + part.p_memsz));
  }
  if (is_ours) *static_cast<std::string*>(found) = id;
  return is_ours;
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

std::string build_id() {
  std::string id;
  dl_iterate_phdr(look_into, &id);
  return id;
}

std::string version_text(const std::string& engine) {
  const auto or_none = [](const std::string& text) { return text.empty() ? "none" : text; };
  return std::string("ch-run-ts ") + CH_RUN_VERSION + " (features: " + join(built_in_features()) +
         ")\nplatform: " + kPlatform + "\nbuild: " + or_none(build_id()) +
         "\nSquashFS compressors: " + or_none(join(compressors())) +
         "\nseccomp: " + or_none(seccomp_library_version()) + "\nengine: " + engine + "\n";
}

}  // namespace chrun
