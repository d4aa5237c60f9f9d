/** Where the values of options come from, for --dry-run. */
import { quoted, visible } from '../base/visible.js';
import { describeSource, type Entry } from './entry.js';

const column = 18;

/** One option per line, in aligned columns; empty if no option was given. */
export function renderEntries(entries: readonly Entry[]): string {
  if (entries.length === 0) return '';
  const rows = entries.map(
    ({ option, value, source }) =>
      [
        option.padEnd(column),
        value === true || value === ''
          ? ''
          : typeof value === 'string'
            ? quoted(value)
            : JSON.stringify(value),
        visible(describeSource(source)),
      ] as const,
  );
  const width = Math.max(...rows.map(([, value]) => value.length));
  const lines = rows.map(([option, value, source]) => `${option} ${value.padEnd(width)}  # ${source}\n`);
  return `# options: what was set, and where\n${lines.join('')}`;
}
