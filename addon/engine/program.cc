#ifdef CH_RUN_QUICKJS
#include "engine/program.h"

// where scripts/quickjs.mjs has put them
extern "C" const uint8_t ch_run_main_begin[], ch_run_main_end[], ch_run_yaml_begin[], ch_run_yaml_end[],
    ch_run_lines_begin[], ch_run_lines_end[];

namespace chrun {

std::span<const ProgramPart> program_parts() {
  static const ProgramPart parts[] = {
      {"main", ch_run_main_begin, static_cast<size_t>(ch_run_main_end - ch_run_main_begin)},
      {"yaml", ch_run_yaml_begin, static_cast<size_t>(ch_run_yaml_end - ch_run_yaml_begin)},
      {"lines", ch_run_lines_begin, static_cast<size_t>(ch_run_lines_end - ch_run_lines_begin)},
  };
  return parts;
}

}  // namespace chrun
#endif
