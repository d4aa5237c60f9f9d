/** The values of options, before and after they are checked against the table. */
import { usageError, valueError } from '../base/errors.js';
import { findNul } from '../base/nul.js';
import { excludes, type Option } from './program.js';

/** As given by arguments, files and variables: true without a value, a number for a counter. */
export type RawValue = string | number | true | readonly string[];

/** By the name of the option, or of the sequence that it belongs to; an absent option was not given. */
export type RawValues = { readonly [name: string]: RawValue | undefined };

type Key<Row extends Option> = Row extends { sequence: infer Sequence extends string }
  ? Sequence
  : Row['name'];

type ValueOf<Row extends Option> = Row extends { repeat: 'collect' }
  ? readonly string[]
  : Row extends { repeat: 'count' }
    ? number
    : Row extends { value: 'none' }
      ? true
      : Row extends { choices: readonly (infer Choice)[] }
        ? Choice
        : string;

/** Checked values, typed by the rows of a table. */
export type Values<Row extends Option> = { readonly [Each in Row as Key<Each>]?: ValueOf<Each> };

/** An option that is absent in `raw` is absent here, whatever its default. Throws LaunchError with exit status 64. */
export function checkValues<Row extends Option>(options: readonly Row[], raw: RawValues): Values<Row> {
  const nul = findNul(raw);
  if (nul !== undefined) throw usageError(`NUL in a value of ${nul}`);
  refuseConflicts(options, raw);
  const values = options.flatMap((option): [string, RawValue][] => {
    const key = option.sequence ?? option.name;
    const value = raw[key];
    return value === undefined ? [] : [[key, checkValue(option, value)]];
  });
  return Object.fromEntries(values) as Values<Row>;
}

/** Throws LaunchError with exit status 64 if options exclude each other. */
export function refuseConflicts(options: readonly Option[], raw: RawValues): void {
  const given = options.filter(({ name }) => raw[name] !== undefined);
  for (const [at, one] of given.entries()) {
    const other = given.slice(at + 1).find((later) => excludes(one, later, 'one-place'));
    if (other) throw usageError(`--${one.name} and --${other.name} exclude each other`);
  }
}

function checkValue({ name, implied, choices, form }: Option, raw: RawValue): RawValue {
  const value = raw === '' && implied !== undefined ? implied : raw;
  if (form && !form.pattern.test(String(value))) throw valueError(name, form.words, String(value));
  if (choices === undefined || choices.includes(String(value))) return value;
  throw valueError(name, oneOf(choices), String(value));
}

/** `a, b or c` */
function oneOf(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), ...words.slice(-1)].join(' or ');
}
