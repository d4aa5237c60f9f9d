/** docs/troubleshooting.md, made by `npm run docs` from the launcher's table of refusals and the doctor's trials. */
import { readRecords } from '../base/records.js';
import { trials } from './trials.js';

/** A reason for a refusal, and how that looks: `call: errno`, in messages about `about`. */
export interface Hint {
  readonly title: string;
  readonly call: string;
  readonly errno: string;
  readonly about: string;
  readonly cause: string;
  readonly user: string;
  readonly administrator: string;
  readonly file: string;
}

const fields = ['title', 'call', 'errno', 'about', 'cause', 'user', 'administrator', 'file'] as const;

/** Reads what the launcher's `--hints` prints (list_hints() in addon/refusals/hints.h). */
export function readHints(output: string): readonly Hint[] {
  return readRecords(output).map(
    (reason) => Object.fromEntries(fields.map((field, at) => [field, reason.fields[at]])) as unknown as Hint,
  );
}

/** What stands in the page for values that differ between machines. */
const placeholders: readonly (readonly [RegExp, string])[] = [
  [/\{programs\}/g, '/opt/ch-run-ts/{bin/ch-run-ts,build/Release/ch-run-ts-squashfs}'],
  [/\{profile\}/g, 'NAME'],
  [/\{[a-z_.]+\}/g, 'N'],
];

const generalize = (text: string) =>
  placeholders.reduce((general, [pattern, word]) => general.replace(pattern, word), text);

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** The calls that fail by a reason, each with the errors that they fail with. */
function renderLooks(rows: readonly Hint[]): string {
  const errors = new Map<string, string[]>();
  for (const { call, errno, about } of rows) {
    const name = about ? `\`${call}\` (${about})` : `\`${call}\``;
    errors.set(name, [...(errors.get(name) ?? []), errno]);
  }
  return [...errors].map(([name, words]) => `${name}: ${words.join(', ')}`).join('; ');
}

function renderReason(title: string, rows: readonly Hint[]): string {
  const [{ cause, user, administrator, file } = rows[0] as Hint] = rows;
  const remedies = [
    ...(user ? [`* You can ${generalize(user)}.`] : []),
    ...(administrator ? [`* The administrator can ${generalize(administrator)}.`] : []),
  ];
  const content = generalize(file).trimEnd();
  return [
    `### ${title}`,
    `Reported as ${renderLooks(rows)}.`,
    sentence(generalize(cause)),
    remedies.join('\n'),
    ...(content ? [`<!-- not a command: the file -->\n\n${content.replace(/^(?=.)/gm, '    ')}`] : []),
  ].join('\n\n');
}

const introduction = `# Troubleshooting

Generated from \`addon/refusals/hint_table.cc\` and \`src/doctor/trials.ts\` by \`npm run docs\`: an error's hint and \`--doctor\` say the
same, about the machine that they run on.

    ch-run-ts --doctor              # what this machine allows, and how to fix what it does not
    ch-run-ts -v ./img -- true      # every step with the time since the start: which one fails, or is slow?
    ch-run-ts --dry-run ./img       # what would be done
    ch-run-ts --no-memo ./img -- true    # ignore the remembered plan

An error names the system call that was refused, the path, and the reason. Exit status 49 means that the container was
created but the command could not be started, 31 that the container could not be created;
[options](options.md#exit-status) lists all of them.`;

const kernelFaults = `### Existing names are not found, on Linux 6.16 and later

Since Linux 6.16 (commit 2396356a945b), processes that look up a name in a FUSE file system for the first time, at the same moment,
may get a directory entry that another process has replaced. This happens with every FUSE file system, not only with
ours: existing files are not found (ENOENT), \`/proc/self/exe\` ends in \` (deleted)\`, and the kernel may unmount a
file system that is mounted on such an entry.

ch-run-ts works around it for launches: one process looks up the names that every launch needs before a second launch
gets the image, each launcher looks up its command and interpreter before it executes them, and finally compares the
mounts with those it made. A program that looks up new names from many threads at once can still be affected: look them
up in one thread first, or use a directory image, or another kernel.`;

/** The text of docs/troubleshooting.md. */
export function renderTroubleshooting(hints: readonly Hint[]): string {
  const titles = [...new Set(hints.map(({ title }) => title))];
  const rows = trials.map(
    ({ title, consequence }) => `| ${title} | ${consequence ?? 'no container can be run'} |`,
  );
  return [
    introduction,
    '## What was refused, and why',
    ...titles.map((title) =>
      renderReason(
        title,
        hints.filter((hint) => hint.title === title),
      ),
    ),
    '## Kernel bugs',
    kernelFaults,
    '## Consequences of what is refused',
    `| if \`--doctor\` says no to | then |\n| --- | --- |\n${rows.join('\n')}`,
  ]
    .join('\n\n')
    .concat('\n');
}
