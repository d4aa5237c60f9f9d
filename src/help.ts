/** --help and --usage, made from the option table. */
import { type Option, optionGroups, optionTable } from './options.js';

const synopsis = 'ch-run-ts [OPTION...] IMAGE -- COMMAND [ARG...]';
const width = 100;
const column = 30;

function spell({ name, short, value, metavar }: Option): string {
  const suffix = value === 'none' ? '' : value === 'required' ? `=${metavar}` : `[=${metavar}]`;
  return `  ${short ? `-${short},` : '   '} --${name}${suffix}`;
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
  const spelled = spell(option);
  const indent = ' '.repeat(column);
  const head = spelled.length < column - 1 ? [spelled.padEnd(column) + first] : [spelled, indent + first];
  return [...head, ...rest.map((line) => indent + line)].join('\n');
}

/** The text of --help. */
export function renderHelp(): string {
  const groups = Object.entries(optionGroups).map(([group, title]) =>
    [`${title}:`, ...optionTable.filter((option) => option.group === group).map(renderOption)].join('\n'),
  );
  return [
    `Usage: ${synopsis}`,
    'Run COMMAND in the container image IMAGE (a directory), without any privilege.',
    '',
    groups.join('\n\n'),
    '',
    'Long options may be shortened as long as they are unambiguous.',
    'Exit status: that of COMMAND; 31 the launcher failed, 49 COMMAND could not be started,',
    '64 wrong usage, 87 a feature is absent.',
    '',
  ].join('\n');
}

/** The text of --usage. */
export function renderUsage(): string {
  const words = optionTable.map((option) => `[${spell(option).trim().replace(', ', '|')}]`);
  const indent = '       ';
  return `Usage: ${wrap([synopsis.replace('[OPTION...]', words.join(' '))].join(''), width - indent.length).join(`\n${indent}`)}\n`;
}
