/** An option in a configuration file: TOML in, entries out. */
import { nearestName } from '../nearest.js';
import { type Option, type OptionName, optionTable } from '../options.js';
import { checkValues } from '../to-request.js';
import { type Entry, type Source, toValues } from './entry.js';
import { configError, within } from './errors.js';
import type { Content } from './toml.js';

/** Where an option stands. */
export interface Place {
  readonly file: string;
  /** In full, such as `profile.gpu.bind`. */
  readonly key: string;
  readonly profile?: string;
}

export const placeAt = ({ file, key }: Place, line: number) => `${file}:${line}, ${key}`;

/** The option that a file means by `name`. Throws LaunchError with exit status 64. */
export function findSettable(name: string, where: string): Option {
  const option = optionTable.find((row) => row.name === name);
  if (option === undefined) {
    const settable = optionTable.filter((row) => row.settable === undefined).map((row) => row.name);
    const near = nearestName(name, settable);
    throw configError(where, `there is no option ${name}`, near && `did you mean ${near}?`);
  }
  if (option.settable !== undefined) throw configError(where, `no file sets --${name}`);
  return option;
}

/** What a file says about an option. Throws LaunchError with exit status 64. */
export function readOption(option: Option, content: Content, place: Place): readonly Entry[] {
  const items = option.repeat === 'collect' && Array.isArray(content.value) ? content.value : [content];
  return items.map((item: Content) => {
    const where = placeAt(place, item.line);
    const { file, profile } = place;
    const source: Source = {
      kind: 'file',
      file,
      line: item.line,
      ...(profile === undefined ? {} : { profile }),
    };
    const entry: Entry = {
      option: option.name as OptionName,
      value: readScalar(option, item, where),
      source,
    };
    within(where, () => checkValues(toValues([entry])));
    return entry;
  });
}

function readScalar(option: Option, { value }: Content, where: string): string | number | boolean {
  const wrong = (expected: string) => configError(where, `expected ${expected}`);
  if (option.repeat === 'count') {
    if (typeof value === 'number' && value >= 0) return value || false;
    if (typeof value === 'boolean') return value && 1;
    throw wrong('a number, true or false');
  }
  if (option.value === 'none') {
    if (typeof value === 'boolean') return value;
    throw wrong('true or false');
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (option.repeat === 'collect') throw wrong('a list of strings');
  if (option.value === 'optional' && typeof value === 'boolean') return value;
  throw wrong(option.value === 'optional' ? 'a string, true or false' : 'a string');
}
