/** A configuration file: default options, profiles, and what a site insists on. */
import { nearestName } from '../nearest.js';
import { type OptionName, optionTable } from '../options.js';
import { checkValues } from '../to-request.js';
import { type Entry, toValues } from './entry.js';
import { configError, within } from './errors.js';
import { findSettable, type Place, placeAt, readOption } from './option-value.js';
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
const depths: Readonly<Record<string, number>> = { options: 2, profile: 3, forbid: 1, always: 2 };

/** Understands the text of a file. Throws LaunchError with exit status 64. */
export function parseConfigFile(text: string, file: string, owner: Owner): ConfigFile {
  const settings = parseToml(text, file);
  for (const setting of settings) checkShape(setting, file, owner);
  const section = (name: string) => settings.filter(({ path }) => path[0] === name);
  const names = new Set(section('profile').flatMap(({ path }) => path[1] ?? []));
  return {
    options: readOptions(section('options'), file, 'options'),
    profiles: [...names].map((name) =>
      readProfile(
        name,
        section('profile').filter(({ path }) => path[1] === name),
        file,
        owner,
      ),
    ),
    forbid: section('forbid').flatMap((setting) => readRules(setting, file)),
    always: readOptions(section('always'), file, 'always'),
  };
}

function checkShape({ path, line, content }: Setting, file: string, owner: Owner): void {
  const [name = ''] = path;
  const where = `${file}:${line}, ${path.join('.')}`;
  const depth = depths[name];
  if (depth === undefined) {
    const isOption = optionTable.some((option) => option.name === name);
    const near = isOption ? undefined : nearestName(name, Object.keys(depths));
    const hint = isOption ? 'options stand below [options]' : near && `did you mean ${near}?`;
    throw configError(where, `nothing is called ${name} here`, hint);
  }
  if (owner !== 'site' && (name === 'forbid' || name === 'always'))
    throw configError(where, `${name} is for the site's file only`);
  if (path.length < depth && content) throw configError(where, 'expected a table');
  if (path.length > depth || (path.length === depth && !content))
    throw configError(where, 'expected a value, not a table');
}

/** The options of one table, checked one by one and as a whole. */
function readOptions(
  settings: readonly Setting[],
  file: string,
  table: string,
  profile?: string,
): readonly Entry[] {
  const entries = settings.flatMap(({ path, line, content }) => {
    if (content === undefined) return [];
    const name = path.at(-1) ?? '';
    const place: Place = { file, key: path.join('.'), ...(profile === undefined ? {} : { profile }) };
    const option = findSettable(name, placeAt(place, line));
    if (name === 'profile' && table !== 'options')
      throw configError(placeAt(place, line), 'profiles can be named in [options] only');
    return readOption(option, content, place);
  });
  within(`${file}, [${table}]`, () => checkValues(toValues(entries)));
  return entries;
}

function readProfile(name: string, settings: readonly Setting[], file: string, owner: Owner): Profile {
  const conditions = settings.filter(({ path }) => path[2] === 'when');
  const options = settings.filter(({ path }) => path[2] !== 'when');
  const when = conditions.flatMap((setting) =>
    readStrings(setting, file).map(({ line, text }) => {
      if (text.startsWith('/')) return text;
      throw configError(
        `${file}:${line}, ${setting.path.join('.')}`,
        `expected an absolute path, got '${text}'`,
      );
    }),
  );
  return { name, owner, when, entries: readOptions(options, file, `profile.${name}`, name) };
}

function readRules(setting: Setting, file: string): readonly Rule[] {
  return readStrings(setting, file).map(({ line, text }) => {
    const where = `${file}:${line}, forbid`;
    const option = optionTable.find(({ name }) => name === text);
    // what prints something and ends comes before any configuration
    if (option?.settable === 'never') throw configError(where, `--${text} can't be forbidden`);
    if (option) return { option: option.name as OptionName, file, line };
    const near = nearestName(
      text,
      optionTable.map(({ name }) => name),
    );
    throw configError(where, `there is no option ${text}`, near && `did you mean ${near}?`);
  });
}

/** A list of strings, or a single one. */
function readStrings({ path, line, content }: Setting, file: string): { line: number; text: string }[] {
  const items = Array.isArray(content?.value) ? (content.value as Content[]) : [content];
  return items.map((item) => {
    if (typeof item?.value === 'string') return { line: item.line, text: item.value };
    throw configError(`${file}:${item?.line ?? line}, ${path.join('.')}`, 'expected a list of strings');
  });
}
