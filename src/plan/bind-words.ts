/** What users ask for with `--bind`. */
import { usageError } from '../base/errors.js';

/**
 * How a bind is made: `rw` is the default; `optional` skips it if a side is missing; `create` creates a missing DST;
 * the next three are as in mount(8); `z` and `Z`, known from other programs, do nothing.
 */
export const bindFlags = ['ro', 'rw', 'optional', 'create', 'nosuid', 'nodev', 'noexec', 'z', 'Z'] as const;
export type BindFlag = (typeof bindFlags)[number];

/** What the option is in every program's table. */
export const bindRow = {
  name: 'bind',
  short: 'b',
  value: 'required',
  metavar: 'SRC[:DST[:OPT,...]]',
  repeat: 'collect',
  completes: 'path',
} as const;

/** Bind host path `source` at guest path `destination`. */
export interface BindRequest {
  /**
   * Host path, absolute or relative to the working directory. If it does not exist, a pattern as in glob(7): then
   * `destination` is the directory for the matches.
   */
  readonly source: string;
  /** Absolute guest path; the same as `source` if absent. */
  readonly destination?: string;
  readonly flags?: readonly BindFlag[];
}

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
    usageError(`expected ${bindRow.metavar} for --bind, got '${text}': ${what}`);
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
