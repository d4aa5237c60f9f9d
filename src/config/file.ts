/** A configuration file: default options, profiles, and what a site insists on. */
import { nearestName } from '../base/nearest.js';
import { type OptionName, optionTable } from '../run/options.js';
import { checkValues } from '../run/to-request.js';
import { type Entry, toValues } from './entry.js';
import { configError, placeOf, within } from './errors.js';
import { findOption, readOption } from './option-value.js';
import type { Owner, Profile, Rule } from './profiles.js';
import { type Content, parseToml, type Setting } from './toml.js';

export interface ConfigFile {
  readonly options: readonly Entry[];
  readonly profiles: readonly Profile[];
  /** What nobody but the site may set. */
  readonly forbid: readonly Rule[];
  /** What the site adds last. */
  readonly always: readonly Entry[];
}

/** The sections of a file, and how many names lead to a value in them. */
const depths: ReadonlyMap<string, number> = new Map([
  ['options', 2],
  ['profile', 3],
  ['forbid', 1],
  ['always', 2],
]);

/** Understands the text of a file. Throws LaunchError with exit status 64. */
export function parseConfigFile(text: string, file: string, owner: Owner): ConfigFile {
  const settings = parseToml(text, file);
  for (const setting of settings) checkShape(setting, file, owner);
  const section = (...names: readonly string[]) =>
    settings.filter(({ path }) => names.every((name, at) => path[at] === name));
  const profiles = new Set(section('profile').flatMap(({ path }) => path[1] ?? []));
  return {
    options: readOptions(['options'], section('options'), file),
    profiles: [...profiles].map((name) => readProfile(name, section('profile', name), file, owner)),
    forbid: section('forbid').flatMap((setting) => readRules(setting, file)),
    always: readOptions(['always'], section('always'), file),
  };
}

function checkShape({ path, line, content }: Setting, file: string, owner: Owner): void {
  const [name = ''] = path;
  const wrong = (what: string, hint?: string) => configError(placeOf(file, line, path), what, hint);
  const depth = depths.get(name);
  if (depth === undefined) throw wrong(`nothing is called ${name} here`, guessSection(name));
  if (owner !== 'site' && (name === 'forbid' || name === 'always'))
    throw wrong(`${name} is for the site's file only`);
  if (path.length < depth && content) throw wrong('expected a table');
  if (path.length > depth || (path.length === depth && !content))
    throw wrong('expected a value, not a table');
}

function guessSection(name: string): string | undefined {
  if (optionTable.some((option) => option.name === name)) return 'options stand below [options]';
  const near = nearestName(name, [...depths.keys()]);
  return near && `did you mean ${near}?`;
}

/** The options of one table, checked one by one and as a whole. */
function readOptions(table: readonly string[], settings: readonly Setting[], file: string): readonly Entry[] {
  const [section, profile] = table;
  const entries = settings.flatMap(({ path, line, content }) => {
    if (content === undefined) return [];
    const place = placeOf(file, line, path);
    const option = findOption(path.at(-1) ?? '', place);
    if (option.settable) throw configError(place, `no file sets --${option.name}`);
    if (option.name === 'profile' && section !== 'options')
      throw configError(place, 'profiles can be named in [options] only');
    return readOption(option, content, { file, path, ...(profile === undefined ? {} : { profile }) });
  });
  within(`${file}, [${table.join('.')}]`, () => checkValues(toValues(entries)));
  return entries;
}

function readProfile(name: string, settings: readonly Setting[], file: string, owner: Owner): Profile {
  const conditions = settings.filter(({ path }) => path[2] === 'when');
  const options = settings.filter(({ path }) => path[2] !== 'when');
  const when = conditions.flatMap((setting) =>
    readStrings(setting, file).map(({ text, place }) => {
      if (text.startsWith('/')) return text;
      throw configError(place, `expected an absolute path, got '${text}'`);
    }),
  );
  return { name, owner, when, entries: readOptions(['profile', name], options, file) };
}

function readRules(setting: Setting, file: string): readonly Rule[] {
  return readStrings(setting, file).map(({ text, line, place }) => {
    const { name, settable } = findOption(text, place);
    // what prints something and ends comes before any configuration
    if (settable === 'never') throw configError(place, `--${name} can't be forbidden`);
    return { option: name as OptionName, file, line };
  });
}

interface Text {
  readonly text: string;
  readonly line: number;
  readonly place: string;
}

/** A list of strings, or a single one. */
function readStrings({ path, content }: Setting, file: string): readonly Text[] {
  if (content === undefined) return [];
  const items = Array.isArray(content.value) ? (content.value as readonly Content[]) : [content];
  return items.map(({ value, line }) => {
    const place = placeOf(file, line, path);
    if (typeof value === 'string') return { text: value, line, place };
    throw configError(place, 'expected a list of strings');
  });
}
