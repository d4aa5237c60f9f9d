// The bundled TypeScript as bytecode, which scripts/quickjs.mjs writes.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace chrun {

/// Empty if this program has no such part.
std::span<const uint8_t> program_part(std::string_view name);

}  // namespace chrun
