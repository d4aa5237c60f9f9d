/** --help and --usage, made from the option table. */
import { optionDetails } from '../run/option-details.js';
import { type Option, type OptionName, optionGroups, optionTable } from '../run/options.js';

export const synopsis = 'ch-run-ts [OPTION...] IMAGE -- COMMAND [ARG...]';
const width = 80;
const column = 28;

/** Command lines that show what is usual. */
export const examples: readonly (readonly [string, string])[] = [
  ['ch-run-ts ./img -- python3 job.py', 'run a program of the image'],
  ['ch-run-ts -b /scratch:/mnt -c /mnt ./img -- ls', 'with a host directory'],
  ['srun ch-run-ts --join img.sqfs -- ./simulation', 'ranks share it'],
];

/** Exit statuses, in the order of their numbers. */
export const exitStatuses: readonly (readonly [string, string])[] = [
  ['31', 'the launcher failed'],
  ['49', 'COMMAND could not be started'],
  ['64', 'wrong usage'],
  ['84', 'the file-system server failed'],
  ['87', 'a feature is absent'],
];

/** An option with its letter and value, as in `-b, --bind=SRC[:DST]`. */
export function spellOption({ name, short, value, metavar }: Option): string {
  const suffix = value === 'none' ? '' : value === 'required' ? `=${metavar}` : `[=${metavar}]`;
  return `${short ? `-${short}, ` : ''}--${name}${suffix}`;
}

/** What is to be said about an option beyond its summary. */
export function detailsOf(option: Option): string {
  const repeat = option.repeat === 'collect' ? 'Can be given more than once.' : '';
  return [optionDetails[option.name as OptionName], repeat].filter(Boolean).join(' ');
}

function wrap(text: string, size: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > size) {
      lines.push(line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, line];
}

function renderOption(option: Option): string {
  const [first = '', ...rest] = wrap(option.summary, width - column);
  const spelled = `  ${option.short ? '' : '    '}${spellOption(option)}`;
  const indent = ' '.repeat(column);
  const head = spelled.length < column - 1 ? [spelled.padEnd(column) + first] : [spelled, indent + first];
  return [...head, ...rest.map((line) => indent + line)].join('\n');
}

/** The text of --help. */
export function renderHelp(): string {
  const groups = Object.entries(optionGroups).map(([group, title]) =>
    [`${title}:`, ...optionTable.filter((option) => option.group === group).map(renderOption)].join('\n'),
  );
  const statuses = exitStatuses.map(([status, meaning]) => `${status} ${meaning}`).join(', ');
  return [
    `Usage: ${synopsis}`,
    ...wrap(
      'Run COMMAND in the container image IMAGE, without any privilege: a directory, a SquashFS file, or a name in storage.',
      width,
    ),
    '',
    groups.join('\n\n'),
    '',
    'Examples:',
    ...examples.map(([line, meaning]) => `  ${line.padEnd(48)}  # ${meaning}`),
    '',
    ...wrap(
      '--help OPTION tells more about one. Long options may be shortened as long as they are unambiguous.',
      width,
    ),
    ...wrap(`Exit status: that of COMMAND; ${statuses}.`, width),
    '',
  ].join('\n');
}

/** The text of --help OPTION. */
export function renderOptionHelp(option: Option): string {
  const indented = (text: string) => wrap(text, width - 4).map((line) => `    ${line}`);
  const details = detailsOf(option);
  return [
    spellOption(option),
    ...indented(option.summary),
    ...(details ? ['', ...indented(details)] : []),
    '',
  ].join('\n');
}

/** The text of --usage. */
export function renderUsage(): string {
  const words = optionTable.map((option) => `[${spellOption(option).replace(', ', '|')}]`);
  const indent = '       ';
  return `Usage: ${wrap(synopsis.replace('[OPTION...]', words.join(' ')), width - indent.length).join(`\n${indent}`)}\n`;
}
