#ifdef CH_RUN_QUICKJS
#include "engine/program.h"

namespace {

struct Row {
  char name[32];          // padded with NUL; an empty one ends the table
  uint64_t offset, size;  // bytes from the beginning of the table
};

}  // namespace

extern "C" const Row ch_run_program[];

namespace chrun {

std::span<const uint8_t> program_part(std::string_view name) {
  for (const Row* row = ch_run_program; row->name[0] != 0; row++) {
    if (name != row->name) continue;
    return {reinterpret_cast<const uint8_t*>(ch_run_program) + row->offset, row->size};
  }
  return {};
}

}  // namespace chrun
#endif
