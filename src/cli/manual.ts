/** docs/options.md and the manual page, made from the option table by `npm run docs`. */

import { version } from '../base/version.js';
import { type Option, optionGroups, optionTable } from '../run/options.js';
import { detailsOf, examples, exitStatuses, spellOption, synopsis } from './help.js';

const groups = Object.entries(optionGroups).map(
  ([group, title]) => [title, optionTable.filter((option) => option.group === group)] as const,
);

/** A sentence out of a summary, which is lower case and has no period. */
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Characters that Markdown would take for marks. */
const escapeMarkdown = (text: string) => text.replace(/[*_<>|]/g, '\\$&');

function renderRow(option: Option): string {
  const details = detailsOf(option);
  const body = [sentence(option.summary), ...(details ? [details] : [])].map(escapeMarkdown);
  return [`### \`${spellOption(option)}\``, ...body].join('\n\n');
}

/** The text of docs/options.md. */
export function renderMarkdown(): string {
  return [
    '# Options',
    'Made from `src/run/options.ts` by `npm run docs`. `ch-run-ts --help OPTION` prints the same.',
    `<!-- not a command: the form of all of them -->\n\n    ${synopsis}`,
    ...groups.flatMap(([title, options]) => [`## ${title}`, ...options.map(renderRow)]),
    '## Exit status',
    `That of the command, or:\n\n${exitStatuses.map(([status, meaning]) => `* ${status}: ${meaning}`).join('\n')}`,
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

/** Backslashes and hyphens mean something to roff, and so do a period or quote that begin a line. */
function escapeRoff(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

function renderEntry(option: Option): string {
  const text = [sentence(option.summary), detailsOf(option)].filter(Boolean).join('\n');
  return `.TP\n.B ${escapeRoff(spellOption(option))}\n${escapeRoff(text)}`;
}

/** Files and variables, by section. */
const surroundings: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'FILES',
    [
      ['/etc/ch-run-ts/config.toml', "The site's configuration, in TOML."],
      [
        '~/.config/ch-run-ts/config.toml',
        'Your own; below $XDG_CONFIG_HOME, if that is set. docs/configuration.md tells what can stand there.',
      ],
      [
        '~/.cache/ch-run-ts',
        'Remembered plans; below $XDG_CACHE_HOME, if that is set. They hold the options, paths, and names of variables, mode 600, for up to 30 days; of the values that --set-env=NAME=VALUE and CH_RUN_SET_ENV set they hold nothing, but those of [options] in a configuration file.',
      ],
    ],
  ],
  [
    'ENVIRONMENT',
    [
      [
        'CH_RUN_OPTION',
        'Sets an option: its name in capitals, with _ for -, as in CH_RUN_WRITE_FAKE=20%. Flags are yes or no, values of an option that can be given more than once are separated by semicolons. The command line is heard before a variable, a variable before files.',
      ],
      ['CH_RUN_MEMO_DIR', 'Where plans are remembered; nowhere if it is empty.'],
      ['CH_IMAGE_STORAGE', 'Where images are looked for by name.'],
    ],
  ],
];

/** The text of man/ch-run-ts.1, in man(7). */
export function renderManual(): string {
  const example = ([line, meaning]: readonly [string, string]) =>
    `.TP\n${escapeRoff(sentence(meaning))}\n.B ${escapeRoff(line)}`;
  return [
    `.TH CH\\-RUN\\-TS 1 "" "ch\\-run\\-ts ${version}" "User Commands"`,
    '.SH NAME\nch\\-run\\-ts \\- run a command in a container image, without any privilege',
    `.SH SYNOPSIS\n.B ${escapeRoff(synopsis)}`,
    '.SH DESCRIPTION\nRuns COMMAND in the container image IMAGE: a directory, a SquashFS file, or a name in storage.',
    'The command is the process that was started: same process number, signals, limits and exit status.',
    ...examples.map(example),
    '.SH OPTIONS',
    ...groups.flatMap(([title, options]) => [`.SS ${escapeRoff(title)}`, ...options.map(renderEntry)]),
    ...surroundings.map(
      ([title, rows]) =>
        `.SH ${title}\n${rows.map(([name, meaning]) => `.TP\n.B ${escapeRoff(name)}\n${escapeRoff(meaning)}`).join('\n')}`,
    ),
    '.SH EXIT STATUS\nThat of COMMAND, or:',
    ...exitStatuses.map(([status, meaning]) => `.TP\n.B ${status}\n${escapeRoff(sentence(meaning))}`),
    '',
  ].join('\n');
}
