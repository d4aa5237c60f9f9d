#include "base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstring>

namespace chrun {
namespace {

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

std::string build_id() {
  std::string id;
  dl_iterate_phdr(look_into, &id);
  return id;
}

}  // namespace chrun
