/** Completion for zsh (zshcompsys(1), _arguments), made from the option table. */
import { type Option, optionTable } from '../../run/options.js';
import { kindOf, quote } from './values.js';

function zshSpec(option: Option): string {
  const { name, short, summary, value, repeat, metavar } = option;
  const kind = kindOf(option);
  const text = summary.replace(/[[\]:\\]/g, '\\$&');
  const action =
    kind === undefined
      ? ' '
      : kind === 'path'
        ? '_files'
        : kind === 'directory'
          ? '_directories'
          : `(${kind.join(' ')})`;
  const message = (metavar ?? '').replaceAll(':', ' ');
  const argument = value === 'none' ? '' : `${value === 'optional' ? '::' : ':'}${message}:${action}`;
  const star = repeat === 'refuse' ? '' : '*';
  const long = `${star}--${name}${value === 'none' ? '' : value === 'optional' ? '=-' : '='}[${text}]${argument}`;
  const letter = `${star}-${short}${value === 'none' ? '' : value === 'optional' ? '-' : '+'}[${text}]${argument}`;
  return [long, ...(short ? [letter] : [])].map((spec) => `    ${quote(spec)} \\`).join('\n');
}

/** Names are parted by NUL, and `compadd` quotes what it puts on the line. */
export function renderZsh(): string {
  return `#compdef ch-run-ts
_ch_run_ts_images() {
  local -a images=(\${(0)"$(command ch-run-ts --completion=images 2>/dev/null)"})
  compadd -a images
  _files
}
_ch_run_ts_command() {
  # words are those from the image on
  local -a commands
  local at=2
  if [[ $words[2] == -- ]]; then at=3; fi
  if ((CURRENT == at)); then commands=(\${(0)"$(command ch-run-ts --completion="commands:\${(Q)words[1]}" 2>/dev/null)"}); fi
  if (($#commands)); then compadd -a commands; else _files; fi
}
_ch_run_ts() {
  _arguments -S \\
${optionTable.map(zshSpec).join('\n')}
    '1:image:_ch_run_ts_images' \\
    '*::command:_ch_run_ts_command'
}
compdef _ch_run_ts ch-run-ts
`;
}
