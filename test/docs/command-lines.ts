/**
 * The command lines of README.md, docs and examples. A block (indented by four, or fenced) is a script for bash, unless
 * an HTML comment before it says otherwise:
 *
 *     <!-- run: slurm -->             run by test/clusters/slurm/docs.test.ts; `run: fish` by that shell
 *     <!-- not run: REASON -->        can't be run in a test; REASON says why, or which test does the same
 *     <!-- not a command: WHAT -->    a figure, output, a file
 *
 * `ch-run-ts …` between backquotes is a command line, too. So is an option in the last column of docs/migration.md.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../helpers/support.js';

/** Markdown files with command lines, relative to the checkout. */
export const pages: readonly string[] = [
  'README.md',
  ...readdirSync(join(checkout, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
  ...['mpi', 'profiles', 'slurm'].map((name) => `examples/${name}/README.md`),
];

export type Shell = 'bash' | 'fish' | 'slurm';

/** A block of a page, or the words between two backquotes. */
export interface CommandLine {
  /** From 1, for messages. */
  readonly line: number;
  readonly script: string;
  /** What runs it; undefined for none. */
  readonly shell: Shell | undefined;
  /** Why it is not run, or what it is. */
  readonly reason?: string;
}

export const read = (page: string) => readFileSync(join(checkout, page), 'utf8');

const marks: readonly (readonly [RegExp, (word: string) => Pick<CommandLine, 'shell' | 'reason'>])[] = [
  [/^<!-- run: (fish|slurm) -->$/, (shell) => ({ shell: shell as Shell })],
  [/^<!-- not (?:run|a command): (\S.*) -->$/, (reason) => ({ shell: undefined, reason })],
];

function readMark(comment: string): Pick<CommandLine, 'shell' | 'reason'> {
  if (!comment.startsWith('<!--')) return { shell: 'bash' };
  for (const [pattern, meaning] of marks) {
    const word = pattern.exec(comment)?.[1];
    if (word !== undefined) return meaning(word);
  }
  throw new Error(`a comment that says neither how a block is run nor why not: ${comment}`);
}

/** The blocks of a page, in order. */
export function blocksOf(text: string): readonly CommandLine[] {
  const lines = text.split('\n');
  const blocks: CommandLine[] = [];
  let before = '';
  for (let at = 0; at < lines.length; at++) {
    const fenced = /^```/.test(lines[at] ?? '');
    const indented = /^ {4}\S/.test(lines[at] ?? '') && (lines[at - 1] ?? '') === '';
    if (fenced || indented) {
      const first = fenced ? at + 1 : at;
      const isInside = (line: string) => (fenced ? !line.startsWith('```') : /^( {4}|$)/.test(line));
      let end = first;
      while (end < lines.length && isInside(lines[end] ?? '')) end++;
      const script = lines
        .slice(first, end)
        .map((line) => line.slice(fenced ? 0 : 4))
        .join('\n');
      blocks.push({ line: first + 1, script, ...readMark(before) });
      at = fenced ? end : end - 1;
      before = '';
    } else if (lines[at] !== '') {
      before = lines[at] ?? '';
    }
  }
  return blocks;
}

/** The command lines between backquotes. */
export function spansOf(text: string): readonly CommandLine[] {
  return text.split('\n').flatMap((content, at) => {
    if (/^ {4}/.test(content)) return [];
    const spans = [...content.matchAll(/`(ch-run-ts [^`]*)`/g)].map(([, script = '']) => script);
    return spans.map((script): CommandLine => ({ line: at + 1, script, shell: 'bash' }));
  });
}

/** The options in the last column of a table, each as a command line that runs with it. */
export function tableOptionsOf(text: string): readonly CommandLine[] {
  return text.split('\n').flatMap((content, at) => {
    const [, last = ''] = /\|([^|]*)\|$/.exec(content) ?? [];
    const options = [...last.matchAll(/`(-[^`]*)`/g)].map(([, option = '']) => option);
    return options.map((option): CommandLine => {
      return { line: at + 1, script: `ch-run-ts ${option} ./img -- cmd`, shell: 'bash' };
    });
  });
}
