/** Completion for fish, made from the option table. */
import { type Option, optionTable } from '../../run/options.js';
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

/** Names are parted by NUL, and fish quotes what it puts on the line. */
export function renderFish(): string {
  return `function __ch_run_ts_before_command
  not contains -- -- (commandline -opc)
end
function __ch_run_ts_at_command
  set -l words (commandline -opc)
  test "$words[-1]" = -- -a (count (string match -- -- $words)) = 1
end
function __ch_run_ts_names
  # after a tab fish expects a description
  for name in (command ch-run-ts --completion="$argv[1]" 2>/dev/null | string split0)
    string match -qr '\\t' -- $name; or printf '%s\\0' $name
  end | string split0
end
function __ch_run_ts_commands
  set -l words (commandline -opc)
  __ch_run_ts_names "commands:$words[-2]"
end
${optionTable.map(fishLine).join('\n')}
complete -c ch-run-ts -n __ch_run_ts_before_command -a '(__ch_run_ts_names images)' -d image
complete -c ch-run-ts -n __ch_run_ts_at_command -a '(__ch_run_ts_commands)' -d command
`;
}
