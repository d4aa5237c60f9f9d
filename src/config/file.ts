/** A configuration file: default options, profiles, and what a site enforces. */
import { nearestName } from '../base/nearest.js';
import { optionsOf, type Program } from '../cli/program.js';
import { type Entry, toValues } from './entry.js';
import { configError, placeOf, within } from './errors.js';
import { findOption, readOption } from './option-value.js';
import type { Owner, Profile, Rule } from './profiles.js';
import type { Subject } from './subject.js';
import { type Content, parseToml, type Setting } from './toml.js';

export interface ConfigFile {
  readonly options: readonly Entry[];
  readonly profiles: readonly Profile[];
  /** Options that only the site may set. */
  readonly forbid: readonly Rule[];
  /** Options that the site always sets. */
  readonly always: readonly Entry[];
}

/** The sections of a file, and the number of names in the path to a value. */
const depths: ReadonlyMap<string, number> = new Map([
  ['options', 2],
  ['profile', 3],
  ['forbid', 1],
  ['always', 2],
]);

/** Parses the text of a file. Throws LaunchError with exit status 64. */
export function parseConfigFile(subject: Subject, text: string, file: string, owner: Owner): ConfigFile {
  const { program } = subject;
  const settings = parseToml(text, file);
  for (const setting of settings) checkShape(program, setting, file, owner);
  const section = (...names: readonly string[]) =>
    settings.filter(({ path }) => names.every((name, at) => path[at] === name));
  const profiles = new Set(section('profile').flatMap(({ path }) => path[1] ?? []));
  return {
    options: readOptions(subject, ['options'], section('options'), file),
    profiles: [...profiles].map((name) => readProfile(subject, name, section('profile', name), file, owner)),
    forbid: section('forbid').flatMap((setting) => readRules(program, setting, file)),
    always: readOptions(subject, ['always'], section('always'), file),
  };
}

function checkShape(program: Program, { path, line, content }: Setting, file: string, owner: Owner): void {
  const [name = ''] = path;
  const wrong = (what: string, hint?: string) => configError(placeOf(file, line, path), what, hint);
  const depth = depths.get(name);
  if (depth === undefined) throw wrong(`unknown key ${name}`, guessSection(program, name));
  if (owner !== 'site' && (name === 'forbid' || name === 'always'))
    throw wrong(`${name} is allowed in the site's file only`);
  if (path.length < depth && content) throw wrong('expected a table');
  if (path.length > depth || (path.length === depth && !content))
    throw wrong('expected a value, not a table');
}

function guessSection(program: Program, name: string): string | undefined {
  if (optionsOf(program).some((option) => option.name === name)) return 'options belong in [options]';
  const near = nearestName(name, [...depths.keys()]);
  return near && `did you mean ${near}?`;
}

/** The options of one table, checked one by one and as a whole. */
function readOptions(
  subject: Subject,
  table: readonly string[],
  settings: readonly Setting[],
  file: string,
): readonly Entry[] {
  const { program, check } = subject;
  const [section, profile] = table;
  const entries = settings.flatMap(({ path, line, content }) => {
    if (content === undefined) return [];
    const place = placeOf(file, line, path);
    const option = findOption(program, path.at(-1) ?? '', place);
    if (option.settable || option.action)
      throw configError(place, `a configuration file can't set --${option.name}`);
    if (option.name === 'profile' && section !== 'options')
      throw configError(place, 'profiles can be selected in [options] only');
    return readOption(subject, option, content, {
      file,
      path,
      ...(profile === undefined ? {} : { profile }),
    });
  });
  within(`${file}, [${table.join('.')}]`, () => check(toValues(optionsOf(program), entries)));
  return entries;
}

function readProfile(
  subject: Subject,
  name: string,
  settings: readonly Setting[],
  file: string,
  owner: Owner,
): Profile {
  const conditions = settings.filter(({ path }) => path[2] === 'when');
  const options = settings.filter(({ path }) => path[2] !== 'when');
  const when = conditions.flatMap((setting) =>
    readStrings(setting, file).map(({ text, place }) => {
      if (text.startsWith('/')) return text;
      throw configError(place, `expected an absolute path, got '${text}'`);
    }),
  );
  return { name, owner, when, entries: readOptions(subject, ['profile', name], options, file) };
}

function readRules(program: Program, setting: Setting, file: string): readonly Rule[] {
  return readStrings(setting, file).map(({ text, line, place }) => {
    const { name, action } = findOption(program, text, place);
    // actions are carried out without any configuration
    if (action) throw configError(place, `--${name} can't be forbidden`);
    return { option: name, file, line };
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
