/** The values of options: text in, typed value out. All throw LaunchError with exit status 64. */
import { usageError, valueError } from '../base/errors.js';
import { type BindRequest, bindFlags, type EnvironmentRequest } from './request.js';

/** Splits `text` at its colons. `\:` is a literal colon, and `\\` before a colon a backslash. */
function splitAtColons(text: string): readonly string[] {
  const words = [''];
  for (const [piece, backslashes = ''] of text.matchAll(/(\\*):|[^:\\]+|\\+/g)) {
    const last = words.length - 1;
    if (!piece.endsWith(':')) words[last] += piece;
    else {
      words[last] += '\\'.repeat(backslashes.length / 2);
      if (backslashes.length % 2 === 1) words[last] += ':';
      else words.push('');
    }
  }
  return words;
}

/** Parses `SRC[:DST[:OPT,…]]`. */
export function parseBind(text: string): BindRequest {
  const wrong = (what: string) =>
    usageError(`expected SRC[:DST[:OPT,...]] for --bind, got '${text}': ${what}`);
  const [source = '', destination, options, ...rest] = splitAtColons(text);
  if (source === '') throw wrong('SRC is empty');
  if (rest.length > 0) throw wrong('too many colons; write \\: for a colon in a path');
  if (destination === undefined) return { source };
  if (destination === '') throw wrong('DST is empty');
  if (!destination.startsWith('/')) throw wrong('DST must be absolute');
  if (/^[/.]*$/.test(destination)) throw wrong("DST can't be /");
  if (options === undefined) return { source, destination };
  const flags = options.split(',').map((word) => {
    const flag = bindFlags.find((name) => name === word);
    if (flag === undefined) throw wrong(`OPT must be one of ${bindFlags.join(', ')}`);
    return flag;
  });
  if (flags.includes('ro') && flags.includes('rw')) throw wrong('ro and rw exclude each other');
  return { source, destination, flags };
}

/** Parses a whole number of `minimum` or more that a C `int` can hold. */
export function parseCount(option: string, what: string, text: string, minimum = 1): number {
  const number = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= minimum && number <= 0x7fffffff)) {
    throw valueError(option, `${what} from ${minimum} to 2147483647`, text);
  }
  return number;
}

/** One option of the environment sequence, as normalizeWords() writes it: `name=value`. */
export function parseEnvironment(text: string, expand: boolean): EnvironmentRequest {
  const name = text.slice(0, text.indexOf('='));
  const value = text.slice(name.length + 1);
  if (name === 'unset-env') {
    if (value === '') throw valueError(name, 'a pattern', '');
    return { kind: 'unset', glob: value };
  }
  const delimiter = name === 'set-env0' ? 'nul' : 'lines';
  if (value === '') return { kind: 'guest-file', path: '/ch/environment', delimiter, expand };
  if (value.startsWith('=')) throw valueError(name, 'a variable name before =', value);
  if (value.includes('=')) return { kind: 'set', assignment: value, expand };
  return { kind: 'host-file', path: value, delimiter, expand };
}

/** The kernel's largest id is 2³²−2: 2³²−1 means "no id". */
export function parseId(option: 'uid' | 'gid', text: string): number {
  const id = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(id <= 0xfffffffe)) throw valueError(option, 'a number from 0 to 4294967294', text);
  return id;
}
