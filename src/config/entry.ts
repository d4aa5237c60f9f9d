/** What one place sets for one option; the values of options consist of such entries. */
import type { Option } from '../cli/program.js';
import type { RawValue, RawValues } from '../cli/values.js';

/** Where it was set. */
export type Source =
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly profile?: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'command-line' };

/** An option that can be given more than once has an entry for each of its values. */
export interface Entry {
  readonly option: string;
  /** `true`: given without a value; `false`: unset, whatever was set before; a number: given that many times. */
  readonly value: string | number | boolean;
  readonly source: Source;
}

/** The values of options as entries: the inverse of {@link toValues}. */
export function toEntries(options: readonly Option[], values: RawValues, source: Source): readonly Entry[] {
  const entries = options.flatMap(({ name, sequence }) => {
    const given = sequence ? undefined : values[name];
    return listOf(given).map((value) => ({ option: name, value, source }));
  });
  const sequences = [...new Set(options.flatMap(({ sequence }) => sequence ?? []))];
  const ordered = sequences
    .flatMap((name) => listOf(values[name]))
    .map((item) => {
      const text = String(item);
      const name = text.slice(0, text.indexOf('='));
      return { option: name, value: text.slice(name.length + 1), source };
    });
  return [...entries, ...ordered];
}

function listOf(value: RawValue | undefined): readonly (string | number | true)[] {
  if (value === undefined) return [];
  return typeof value === 'object' ? value : [value];
}

/** Entries as the values of options, in the form of a parsed command line. Only those of `options` are included. */
export function toValues(options: readonly Option[], entries: readonly Entry[]): RawValues {
  const rows = new Map(options.map((option) => [option.name, option]));
  const values = new Map<string, RawValue>();
  const lists = new Map<string, string[]>();
  for (const { option: name, value } of entries) {
    const option = rows.get(name);
    if (value === false || option === undefined) continue;
    const text = value === true && option.value === 'optional' ? '' : value;
    if (option.repeat !== 'collect') values.set(name, text);
    else append(lists, option.sequence ?? name, option.sequence ? `${name}=${text}` : String(text));
  }
  return Object.fromEntries([...values, ...lists]);
}

/** To the list itself: a copy for each of many values would take quadratic time. */
function append(lists: Map<string, string[]>, name: string, value: string): void {
  const list = lists.get(name);
  if (list) list.push(value);
  else lists.set(name, [value]);
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
