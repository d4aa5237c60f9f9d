/** Completion for fish, made from the option table. */
import { type Option, optionTable } from '../options.js';
import { kindOf, quote } from './values.js';

function fishLine(option: Option): string {
  const kind = kindOf(option);
  const values =
    kind === undefined
      ? '-x'
      : kind === 'path'
        ? '-rF'
        : kind === 'directory'
          ? "-xa '(__fish_complete_directories)'"
          : `-xa ${quote(kind.join(' '))}`;
  const words = [
    'complete -c ch-run-ts -n __ch_run_ts_before_command',
    `-l ${option.name}`,
    ...(option.short ? [`-s ${quote(option.short)}`] : []),
    ...(option.value === 'none' ? [] : [values]),
    `-d ${quote(option.summary)}`,
  ];
  return words.join(' ');
}

export function renderFish(): string {
  return `function __ch_run_ts_before_command
  not contains -- -- (commandline -opc)
end
function __ch_run_ts_at_command
  set -l words (commandline -opc)
  test "$words[-1]" = -- -a (count (string match -- -- $words)) = 1
end
function __ch_run_ts_commands
  set -l words (commandline -opc)
  ch-run-ts --completion="commands:$words[-2]" 2>/dev/null
end
${optionTable.map(fishLine).join('\n')}
complete -c ch-run-ts -n __ch_run_ts_before_command -a '(ch-run-ts --completion=images 2>/dev/null)' -d image
complete -c ch-run-ts -n __ch_run_ts_at_command -a '(__ch_run_ts_commands)' -d command
`;
}
