// The bundled TypeScript as bytecode, which scripts/quickjs.mjs writes.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace chrun {

struct ProgramPart {
  std::string_view name;
  const uint8_t* begin;
  size_t size;  // bytes
};

std::span<const ProgramPart> program_parts();

}  // namespace chrun
