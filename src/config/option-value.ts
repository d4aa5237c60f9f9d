/** An option in a configuration file: TOML in, entries out. */
import { nearestName } from '../base/nearest.js';
import { type Option, optionsOf, type Program } from '../cli/program.js';
import { type Entry, type Source, toValues } from './entry.js';
import { configError, placeOf, within } from './errors.js';
import type { Subject } from './subject.js';
import type { Content } from './toml.js';

/** The location of an option: the file, the full name such as `profile.gpu.bind`, and the profile it belongs to. */
export interface Place {
  readonly file: string;
  readonly path: readonly string[];
  readonly profile?: string;
}

/** The option with this name. Throws LaunchError with exit status 64. */
export function findOption(program: Program, name: string, place: string): Option {
  const options = optionsOf(program);
  const names = options.map((option) => option.name);
  const option = options[names.indexOf(name)];
  if (option) return option;
  const near = nearestName(name, names);
  throw configError(place, `there is no option ${name}`, near && `did you mean ${near}?`);
}

/** The entries that a file has for an option. Throws LaunchError with exit status 64. */
export function readOption(
  { program, check }: Subject,
  option: Option,
  content: Content,
  { file, path, profile }: Place,
): readonly Entry[] {
  const items = option.repeat === 'collect' && Array.isArray(content.value) ? content.value : [content];
  return items.map((item: Content) => {
    const place = placeOf(file, item.line, path);
    const about = profile === undefined ? {} : { profile };
    const source: Source = { kind: 'file', file, line: item.line, ...about };
    const value = readScalar(option, item, place);
    const entry: Entry = { option: option.name, value, source };
    within(place, () => check(toValues(optionsOf(program), [entry])));
    return entry;
  });
}

function readScalar(option: Option, { value }: Content, place: string): string | number | boolean {
  const wrong = (expected: string) => configError(place, `expected ${expected}`);
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
