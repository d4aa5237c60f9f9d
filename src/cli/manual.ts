/** The options in Markdown and the manual page, generated from a program's tables by `npm run docs`. */

import { version } from '../base/version.js';
import { detailsOf, grouped, sentence, spellOption, summaryOf, synopsis } from './help.js';
import { type Command, type Option, optionsOf, type Program } from './program.js';

/** The options of a program; with commands, the common ones first and then those of each command. */
function chapters(program: Program): readonly (readonly [Command | undefined, readonly Option[]])[] {
  const own = program.commands.map(
    (command) => [command, command.options.filter((option) => !program.common.includes(option))] as const,
  );
  return [[undefined, program.commands.length > 0 ? program.common : optionsOf(program)], ...own];
}

/** Escapes characters that are special in Markdown. */
const escapeMarkdown = (text: string) => text.replace(/[*_<>|]/g, '\\$&');

function renderRow(option: Option): string {
  const details = detailsOf(option);
  const body = [sentence(summaryOf(option)), ...(details ? [details] : [])].map(escapeMarkdown);
  return [`### \`${spellOption(option)}\``, ...body].join('\n\n');
}

/** The text of docs/options.md. */
export function renderMarkdown(program: Program): string {
  const form = (command?: Command) =>
    `<!-- not a command: the form of all of them -->\n\n    ${synopsis(program, command)}`;
  const texts = chapters(program).flatMap(([command, options]) =>
    command
      ? [
          `## ${program.name} ${command.name}`,
          sentence(command.summary),
          form(command),
          ...options.map(renderRow),
        ]
      : [
          form(),
          ...grouped(program, options).flatMap(([title, rows]) => [`## ${title}`, ...rows.map(renderRow)]),
        ],
  );
  const statuses = program.exitStatuses.map(([status, meaning]) => `* ${status}: ${meaning}`).join('\n');
  return [
    '# Options',
    `Generated from the table of options by \`npm run docs\`. \`${program.name} --help OPTION\` prints the same.`,
    ...texts,
    '## Exit status',
    `${sentence(program.success).slice(0, -1)}, or:\n\n${statuses}`,
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

/** Backslashes and hyphens are special in roff, and so is a period or quote at the beginning of a line. */
function escapeRoff(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

/** A word, and what is to be said about it. */
const renderEntry = (name: string, text: string) => `.TP\n.B ${escapeRoff(name)}\n${escapeRoff(text)}`;

function renderOption(option: Option): string {
  return renderEntry(
    spellOption(option),
    [sentence(summaryOf(option)), detailsOf(option)].filter(Boolean).join('\n'),
  );
}

/** The text of the manual page, in man(7). */
export function renderManual(program: Program): string {
  const { name, summary, description, notes, examples, sections, success, exitStatuses } = program;
  const texts = chapters(program).flatMap(([command, options]) =>
    command
      ? [
          `.SS ${escapeRoff(`${name} ${command.name}`)}\n${escapeRoff(sentence(command.summary))}`,
          `.PP\n.B ${escapeRoff(synopsis(program, command))}`,
          ...options.map(renderOption),
        ]
      : grouped(program, options).flatMap(([title, rows]) => [
          `.SS ${escapeRoff(title)}`,
          ...rows.map(renderOption),
        ]),
  );
  return [
    `.TH ${escapeRoff(name.toUpperCase())} 1 "" "${escapeRoff(name)} ${version}" "User Commands"`,
    `.SH NAME\n${escapeRoff(`${name} - ${summary}`)}`,
    `.SH SYNOPSIS\n.B ${escapeRoff(synopsis(program))}`,
    `.SH DESCRIPTION\n${escapeRoff(description)}`,
    ...(notes ? [escapeRoff(notes)] : []),
    ...examples.map(([line, meaning]) => `.TP\n${escapeRoff(sentence(meaning))}\n.B ${escapeRoff(line)}`),
    '.SH OPTIONS',
    ...texts,
    ...sections.map(
      ([title, entries]) =>
        `.SH ${title}\n${entries.map(([word, meaning]) => renderEntry(word, meaning)).join('\n')}`,
    ),
    `.SH EXIT STATUS\n${escapeRoff(sentence(success).slice(0, -1))}, or:`,
    ...exitStatuses.map(([status, meaning]) => renderEntry(String(status), sentence(meaning))),
    '',
  ].join('\n');
}
