/** Arguments as Charliecloud's programs have them: options in any order among the operands. */
import { usageError } from '../../base/errors.js';

/** What an option of theirs is: `value` takes one, `flag` none, `nothing` is accepted and has no meaning here. */
export type Kind = 'value' | 'flag' | 'nothing';
/** By all names, with dashes; what they mean by the first name of the list. */
export type Table = readonly (readonly [names: string, kind: Kind])[];

export interface Parsed {
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/** Our command line for one of theirs; or what is done without one. */
export type Translated = { readonly words: readonly string[] } | { readonly run: () => void };

/** Throws LaunchError for an option that is not in the table. */
export function parseTheirs(program: string, table: Table, words: readonly string[]): Parsed {
  const values = new Map<string, string>();
  const operands: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { values, operands: [...operands, ...rest] };
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      continue;
    }
    const [, long = '', given] = /^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const name = long || word.slice(0, 2);
    const row = table.find(([names]) => names.split(' ').includes(name));
    if (row === undefined) throw usageError(`${program} has no option ${name} here`);
    const [[first = ''], kind] = [row[0].split(' '), row[1]];
    const attached = long ? given : word.slice(2) || undefined;
    if (kind === 'value') {
      const value = attached ?? rest.shift();
      if (value === undefined) throw usageError(`expected a value after ${name}`);
      values.set(first, value);
    } else {
      if (kind === 'flag') values.set(first, '');
      // several letters in one word
      if (!long && attached !== undefined) rest.unshift(`-${attached}`);
      else if (attached !== undefined) throw usageError(`${name} takes no value`);
    }
  }
  return { values, operands };
}
