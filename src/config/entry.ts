/** What one place says about one option; the values of options are made of such entries. */
import { type Option, type OptionName, optionTable } from '../run/options.js';
import type { Values } from '../run/to-request.js';

/** Who said it. */
export type Source =
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly profile?: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'command-line' };

/** An option that can be given more than once has an entry for each of its values. */
export interface Entry {
  readonly option: OptionName;
  /** `true`: given without a value; `false`: not given, whatever was said before; a number: so many times. */
  readonly value: string | number | boolean;
  readonly source: Source;
}

/** The row of an option in the table. */
export function optionOf(name: OptionName): Option {
  return optionTable.find((option) => option.name === name) as Option;
}

/** The values of options as entries: the inverse of {@link toValues}. */
export function toEntries(values: Values, source: Source): readonly Entry[] {
  const entries = optionTable.flatMap(({ name }) => {
    const given = values[name as OptionName];
    // what is counted is 0 where it was not given
    const all = given === undefined || given === 0 ? [] : Array.isArray(given) ? given : [given];
    return all.map((value) => ({ option: name as OptionName, value, source }));
  });
  const sequence = ((values.environment as string[]) ?? []).map((text) => {
    const name = text.slice(0, text.indexOf('='));
    return { option: name as OptionName, value: text.slice(name.length + 1), source };
  });
  return [...entries, ...sequence];
}

/** Entries as the values of options, in the form that a parsed command line has. */
export function toValues(entries: readonly Entry[]): Values {
  const values: Record<string, unknown> = {};
  for (const { option: name, value } of entries) {
    if (value === false) continue;
    const option = optionOf(name);
    const text = value === true && option.value === 'optional' ? '' : value;
    if (option.repeat !== 'collect') values[name] = text;
    else if (option.sequence) append(values, option.sequence, `${name}=${text}`);
    else append(values, name, text);
  }
  return values;
}

function append(values: Record<string, unknown>, name: string, value: unknown): void {
  values[name] = [...((values[name] as unknown[]) ?? []), value];
}

/** In words, for messages and --dry-run. */
export function describeSource(source: Source): string {
  switch (source.kind) {
    case 'file':
      return `${source.file}:${source.line}${source.profile === undefined ? '' : ` (profile ${source.profile})`}`;
    case 'variable':
      return source.name;
    case 'command-line':
      return 'the command line';
  }
}
