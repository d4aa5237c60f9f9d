/** The values of options: text in, typed value out. All throw LaunchError with exit status 64. */
import { valueError } from '../base/errors.js';
import type { EnvironmentRequest } from './request.js';

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
