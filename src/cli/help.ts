/** --help and --usage, generated from a program's tables. */
import { type Command, type Option, optionsOf, type Program } from './program.js';

const width = 80;
const column = 28;

/** The form of the command line. */
export function synopsis({ name, operands, commands }: Program, command?: Command): string {
  const words = command ? [name, command.name, '[OPTION...]'] : [name, '[OPTION...]'];
  const rest = command ? command.operands : commands.length > 0 ? 'COMMAND [ARG...]' : operands;
  return [...words, rest].filter(Boolean).join(' ');
}

/** An option with its letter and value, as in `-b, --bind=SRC[:DST]`. */
export function spellOption({ name, short, value, metavar }: Option): string {
  const suffix = value === 'none' ? '' : value === 'required' ? `=${metavar}` : `[=${metavar}]`;
  return `${short ? `-${short}, ` : ''}--${name}${suffix}`;
}

/** The line about an option, with its choices and the default value. */
export function summaryOf(option: Option): string {
  const { summary, metavar, choices, variable, default: usual, implied = usual } = option;
  const preset = usual ?? implied;
  const first = variable === undefined ? '' : `$${variable} or `;
  if (choices === undefined)
    return preset === undefined ? summary : `${summary} (default: ${first}${preset})`;
  const words = choices.map((choice) => (choice === preset ? `${choice} (default)` : choice));
  return `${summary}; ${metavar}: ${words.join(', ')}`;
}

/** The description of an option beyond its summary. */
export function detailsOf({ details, repeat, metavar, default: usual, implied }: Option): string {
  const alone = usual !== undefined && implied !== undefined ? `Without ${metavar}: ${implied}.` : '';
  const again = repeat === 'collect' ? 'Can be given more than once.' : '';
  return [details, alone, again].filter(Boolean).join(' ');
}

/** The options under each heading that has any. */
export function grouped(
  program: Program,
  options: readonly Option[],
): readonly (readonly [string, readonly Option[]])[] {
  return Object.entries(program.groups)
    .map(([group, title]) => [title, options.filter((option) => option.group === group)] as const)
    .filter(([, rows]) => rows.length > 0);
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

/** A word or option in the left column, what it means in the right one. */
function renderRow(spelled: string, meaning: string): string {
  const [first = '', ...rest] = wrap(meaning, width - column);
  const indent = ' '.repeat(column);
  const head = spelled.length < column - 1 ? [spelled.padEnd(column) + first] : [spelled, indent + first];
  return [...head, ...rest.map((line) => indent + line)].join('\n');
}

const renderOption = (option: Option) =>
  renderRow(`  ${option.short ? '' : '    '}${spellOption(option)}`, summaryOf(option));

/** The text of --help, of the program or of one of its commands. */
export function renderHelp(program: Program, command?: Command): string {
  const { commands, examples, exitStatuses, success } = program;
  const options = command || commands.length === 0 ? optionsOf(program, command) : program.common;
  const groups = grouped(program, options).map(([title, rows]) =>
    [`${title}:`, ...rows.map(renderOption)].join('\n'),
  );
  const names = commands.map(({ name, summary }) => renderRow(`  ${name}`, summary));
  const statuses = exitStatuses.map(([status, meaning]) => `${status} ${meaning}`).join(', ');
  const topics = names.length > 0 ? 'OPTION or COMMAND' : 'OPTION';
  return [
    `Usage: ${synopsis(program, command)}`,
    ...wrap(command ? sentence(command.summary) : program.description, width),
    '',
    [...(names.length > 0 && !command ? [['Commands:', ...names].join('\n')] : []), ...groups].join('\n\n'),
    '',
    ...(command
      ? []
      : ['Examples:', ...examples.map(([line, meaning]) => `  ${line.padEnd(48)}  # ${meaning}`), '']),
    ...wrap(
      `--help ${topics} describes one in detail. Long options may be abbreviated if that is unambiguous.`,
      width,
    ),
    ...wrap(`Exit status: ${success}; ${statuses}.`, width),
    '',
  ].join('\n');
}

/** A summary, which is lower case and has no period, as a sentence. */
export const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** The text of --help OPTION. */
export function renderOptionHelp(option: Option): string {
  const indented = (text: string) => wrap(text, width - 4).map((line) => `    ${line}`);
  const details = detailsOf(option);
  return [
    spellOption(option),
    ...indented(summaryOf(option)),
    ...(details ? ['', ...indented(details)] : []),
    '',
  ].join('\n');
}

/** The text of --help, or of --help followed by an option. */
export function renderTopic(program: Program, topic?: Option | Command): string {
  return topic && 'repeat' in topic ? renderOptionHelp(topic) : renderHelp(program, topic);
}

/** The text of --usage. */
export function renderUsage(program: Program, command?: Command): string {
  const options = command || program.commands.length === 0 ? optionsOf(program, command) : program.common;
  const words = options.map((option) => `[${spellOption(option).replace(', ', '|')}]`);
  const indent = '       ';
  const line = synopsis(program, command).replace('[OPTION...]', words.join(' '));
  return `Usage: ${wrap(line, width - indent.length).join(`\n${indent}`)}\n`;
}
