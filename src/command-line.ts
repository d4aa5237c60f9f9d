/** Words in, request out. The only importer of yargs. */
import { closest, distance } from 'fastest-levenshtein';
import { Parser } from 'yargs/helpers';
import { usageError, valueError } from './errors.js';
import { type Option, type OptionName, optionTable } from './options.js';
import { type EnvironmentRequest, type LaunchRequest, parseBind, parseCount } from './request.js';

/** How --dry-run prints the plan. */
export type PlanFormat = 'text' | 'json' | 'plan';

/**
 * What the command line asks for. `commandIndex` is the position of the user's command in the words; `keyWords` is
 * how many words come before it, the `--` between not counted: what the plan is remembered for, 0 for not at all.
 */
export type CommandLine =
  | { readonly kind: 'help' | 'usage' | 'version' | 'memo-clear' }
  | { readonly kind: 'feature'; readonly feature: string }
  | { readonly kind: 'list'; readonly storage?: string; readonly format: 'text' | 'json' }
  | { readonly kind: 'run-plan'; readonly file: string; readonly commandIndex: number }
  | {
      readonly kind: 'launch';
      readonly request: LaunchRequest;
      readonly commandIndex: number;
      readonly keyWords: number;
      readonly dryRun?: PlanFormat;
    };

/** Values by option name; what is absent was not given. */
type Values = { readonly [Name in OptionName | 'environment']?: unknown };

/** Stands before every value: yargs drops a pair of quotes around a value, and an empty value in a list. */
const guard = '=';

function removeGuard(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(removeGuard);
  return typeof value === 'string' ? value.slice(guard.length) : value;
}

/** Parses the words after the program's name. Throws LaunchError with exit status 64. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const { normal, next } = normalizeWords(words);
  const values = parseNormalWords(normal);
  if (values.help) return { kind: 'help' };
  if (values.usage) return { kind: 'usage' };
  if (values.version) return { kind: 'version' };
  if (values.list !== undefined) return parseList(values);
  if (values['memo-clear']) return { kind: 'memo-clear' };
  if (values.feature !== undefined) return { kind: 'feature', feature: String(values.feature) };
  if (values.plan !== undefined) {
    if (normal.length > 1) throw usageError('--plan takes no other option: they are part of the plan');
    return { kind: 'run-plan', file: String(values.plan), commandIndex: commandAfter(words, next) };
  }
  return parseLaunch(values, words, next);
}

function parseLaunch(values: Values, words: readonly string[], next: number): CommandLine {
  const image = words[next];
  if (image === undefined) throw usageError('expected IMAGE -- COMMAND after the options');
  const dryRun = values['dry-run'];
  const request = toRequest(values, image);
  if (dryRun === undefined) {
    const keyWords = values['no-memo'] ? 0 : next + 1;
    return { kind: 'launch', request, commandIndex: commandAfter(words, next + 1), keyWords };
  }
  return {
    kind: 'launch',
    request,
    commandIndex: next + 1,
    keyWords: 0,
    dryRun: parseFormat(String(dryRun)),
  };
}

function parseList(values: Values): CommandLine {
  const format = String(values.list) || 'text';
  if (format !== 'text' && format !== 'json') throw valueError('list', 'text or json', format);
  return {
    kind: 'list',
    format,
    ...(values.storage === undefined ? {} : { storage: directoryOf(values, 'storage') }),
  };
}

function commandAfter(words: readonly string[], next: number): number {
  const index = words[next] === '--' ? next + 1 : next;
  if (index >= words.length) throw usageError('no command to run in the container');
  return index;
}

function parseFormat(text: string): PlanFormat {
  if (text === '') return 'text';
  if (text === 'text' || text === 'json' || text === 'plan') return text;
  throw valueError('dry-run', 'text, json or plan', text);
}

/**
 * Rewrites the options as `--name` or `--name=value`, one word each, and finds where they end. yargs can't do
 * this part: it has no unambiguous prefixes, and an option with an optional value eats the word behind it.
 */
function normalizeWords(words: readonly string[]): { normal: string[]; next: number } {
  const normal: string[] = [];
  let next = 0;
  const takeValue = (option: Option, attached: string | undefined): void => {
    let value = attached;
    if (option.value === 'none' && value !== undefined) {
      throw usageError(`--${option.name} takes no value, got '${value}'`);
    }
    if (option.value === 'required' && value === undefined) {
      value = words[next++];
      if (value === undefined) throw usageError(`--${option.name} needs a value: ${option.metavar}`);
    }
    const flag = value === undefined && option.value === 'none';
    if (option.sequence) normal.push(`--${option.sequence}=${guard}${option.name}=${value ?? ''}`);
    else normal.push(flag ? `--${option.name}` : `--${option.name}=${guard}${value ?? ''}`);
  };
  for (let word = words[next]; word?.startsWith('-') && word !== '-'; word = words[next]) {
    next++;
    if (word === '--') break;
    if (word.startsWith('--')) takeValue(...parseLongWord(word));
    else parseShortWord(word, takeValue);
  }
  return { normal, next };
}

function parseLongWord(word: string): [Option, string | undefined] {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  return [findOption(name), equals < 0 ? undefined : word.slice(equals + 1)];
}

/** `-wvb SRC`, `-bSRC`: letters up to the first that takes a value, which is the rest of the word or the next one. */
function parseShortWord(word: string, take: (option: Option, attached: string | undefined) => void): void {
  for (let at = 1; at < word.length; at++) {
    const option = optionTable.find(({ short }) => short === word[at]);
    if (option === undefined)
      throw usageError(`unknown option -${word[at]}${word.length > 2 ? ` in ${word}` : ''}`);
    if (option.value !== 'none') {
      take(option, word.slice(at + 1) || undefined);
      return;
    }
    take(option, undefined);
  }
}

/** The option with this long name, or with an unambiguous beginning of it. */
function findOption(name: string): Option {
  const exact = optionTable.find((option) => option.name === name);
  if (exact) return exact;
  const candidates = optionTable.filter((option) => option.name.startsWith(name));
  if (candidates.length === 1 && candidates[0] !== undefined) return candidates[0];
  if (candidates.length > 1) {
    throw usageError(`--${name} is ambiguous: ${candidates.map((option) => `--${option.name}`).join(', ')}`);
  }
  const names = optionTable.map((option) => option.name);
  const nearest = closest(name, names);
  const near = distance(name, nearest) <= Math.max(2, name.length / 3);
  throw usageError(`unknown option --${name}`, near ? `did you mean --${nearest}?` : undefined);
}

function parseNormalWords(normal: readonly string[]): Values {
  const named = (keep: (option: Option) => boolean) =>
    optionTable.filter((option) => keep(option) && !option.sequence).map((option) => option.name);
  const values = Parser([...normal], {
    array: [...named((option) => option.repeat === 'collect'), 'environment'],
    boolean: named((option) => option.value === 'none' && option.repeat !== 'count'),
    count: named((option) => option.repeat === 'count'),
    string: [...named((option) => option.value !== 'none'), 'environment'],
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
    },
  }) as Values;
  for (const option of optionTable) {
    if (
      option.repeat === 'refuse' &&
      option.value !== 'none' &&
      Array.isArray(values[option.name as OptionName])
    ) {
      throw usageError(`--${option.name} was given more than once`);
    }
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, removeGuard(value)]));
}

function toRequest(values: Values, image: string): LaunchRequest {
  const quiet = Number(values.quiet ?? 0);
  const verbose = Number(values.verbose ?? 0);
  if (quiet > 0 && verbose > 0) throw usageError('--quiet and --verbose exclude each other');
  const expand = !values['env-no-expand'];
  return {
    image,
    ...(values.storage === undefined ? {} : { storage: directoryOf(values, 'storage') }),
    writable: Boolean(values.write),
    ...parseOverlay(values),
    ...(values.mount === undefined ? {} : { mountPoint: directoryOf(values, 'mount') }),
    share: !values['no-share'],
    home: Boolean(values.home),
    binds: ((values.bind as string[]) ?? []).map((text) => parseBind(text)),
    directory: values.cd === undefined ? '/' : String(values.cd),
    tmp: values['private-tmp'] ? 'private' : 'host',
    environment: ((values.environment as string[]) ?? []).map((text) => parseEnvironment(text, expand)),
    ...(values.uid === undefined ? {} : { uid: parseId('uid', String(values.uid)) }),
    ...(values.gid === undefined ? {} : { gid: parseId('gid', String(values.gid)) }),
    identity: values['no-passwd'] ? 'image' : 'host',
    ...parseJoin(values),
    verbosity: Math.min(verbose, 3) - Math.min(quiet, 3),
    color: parseColor(values.color),
  };
}

/** An empty one would be the working directory. */
function directoryOf(values: Values, name: 'overlay' | 'storage' | 'mount'): string {
  const path = String(values[name]);
  if (path === '') throw valueError(name, 'a directory', path);
  return path;
}

const defaultJoinTimeout = 30;

function parseJoin(values: Values): Pick<LaunchRequest, 'join'> {
  const { 'join-ct': count, 'join-tag': tag, 'join-timeout': timeout, 'join-pid': pid } = values;
  if (pid !== undefined) {
    if (count !== undefined || tag !== undefined || timeout !== undefined) {
      throw usageError(
        '--join-pid enters the container of a process: there are no peers to count, name or wait for',
      );
    }
    return { join: { kind: 'process', pid: parseCount('join-pid', 'a process number', String(pid)) } };
  }
  if (!values.join && count === undefined && tag === undefined && timeout === undefined) return {};
  if (tag === '') throw valueError('join-tag', 'a tag', '');
  return {
    join: {
      kind: 'peers',
      ...(count === undefined ? {} : { count: parseCount('join-ct', 'a number of peers', String(count)) }),
      ...(tag === undefined ? {} : { tag: String(tag) }),
      timeout:
        timeout === undefined
          ? defaultJoinTimeout
          : parseCount('join-timeout', 'a number of seconds', String(timeout)),
    },
  };
}

/** --write-fake and --overlay; --home needs one of them unless the image itself is written. */
function parseOverlay(values: Values): Pick<LaunchRequest, 'overlay'> {
  const given = ['write', 'write-fake', 'overlay'].filter((name) => values[name as OptionName] !== undefined);
  if (given.length > 1) throw usageError(`--${given[0]} and --${given[1]} exclude each other`);
  if (values.overlay !== undefined) return { overlay: { directory: directoryOf(values, 'overlay') } };
  if (values.write || (values['write-fake'] === undefined && !values.home)) return {};
  const size = String(values['write-fake'] ?? '') || '12%';
  // tmpfs takes 0 for no limit at all
  if (!/^0*[1-9][0-9]*[kmg%]?$/i.test(size))
    throw valueError('write-fake', 'a size such as 12%, 500m or 2g', size);
  return { overlay: { memory: size } };
}

/** One option of the environment sequence, as normalizeWords() wrote it: `name=value`. */
function parseEnvironment(text: string, expand: boolean): EnvironmentRequest {
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
function parseId(option: 'uid' | 'gid', text: string): number {
  const id = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(id <= 0xfffffffe)) throw valueError(option, 'a number from 0 to 4294967294', text);
  return id;
}

function parseColor(value: unknown): LaunchRequest['color'] {
  if (value === undefined) return 'auto';
  if (value === '') return 'always';
  if (value === 'auto' || value === 'always' || value === 'never') return value;
  throw valueError('color', 'auto, always or never', String(value));
}
