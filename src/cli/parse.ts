/** Words in, request out. The only importer of yargs. */
import { Parser } from 'yargs/helpers';
import { usageError, valueError } from '../base/errors.js';
import { type PlanFormat, parseFormat, parseTextOrJson } from '../run/option-values.js';
import { type Option, type OptionName, optionTable } from '../run/options.js';
import type { LaunchRequest } from '../run/request.js';
import { directoryOf, toRequest, type Values } from '../run/to-request.js';
import { type Shell, shells } from './completion/values.js';
import { findTopic, normalizeWords, removeGuard } from './words.js';

/**
 * What the command line asks for. `commandIndex` is the position of the user's command in the words; `keyWords` is
 * how many words come before it, the `--` between not counted: what the plan is remembered for, 0 for not at all.
 */
export type CommandLine =
  | { readonly kind: 'help'; readonly topic?: Option }
  | { readonly kind: 'usage' | 'version' | 'memo-clear' }
  | { readonly kind: 'feature'; readonly feature: string }
  | { readonly kind: 'list'; readonly storage?: string; readonly format: 'text' | 'json' }
  | { readonly kind: 'doctor'; readonly format: 'text' | 'json' }
  | { readonly kind: 'completion'; readonly shell: Shell }
  /** What the shells' scripts ask: the commands in an image, or else the names of images. */
  | { readonly kind: 'completion'; readonly image: string | undefined }
  | { readonly kind: 'run-plan'; readonly file: string; readonly commandIndex: number }
  | {
      readonly kind: 'launch';
      readonly request: LaunchRequest;
      readonly commandIndex: number;
      readonly keyWords: number;
      readonly dryRun?: PlanFormat;
    };

/** The options among words, and where they end. */
export interface Given {
  readonly words: readonly string[];
  readonly values: Values;
  /** How many options there are. */
  readonly count: number;
  /** Where the arguments after the options begin. */
  readonly next: number;
  /** The position of the `--` behind options that follow the image. */
  readonly dashes?: number;
  /** The option that --help was asked about. */
  readonly topic?: Option;
}

/** Finds the options in the words after the program's name. Throws LaunchError with exit status 64. */
export function parseOptions(words: readonly string[]): Given {
  const [first = '', topic, ...rest] = words;
  if (['--help', '-?'].includes(first) && topic !== undefined && rest.length === 0)
    return { words, values: { help: true }, count: 1, next: 2, topic: findTopic(topic) };
  const { normal, next } = normalizeWords(words);
  const values = parseNormalWords(normal);
  const given = { words, values, count: normal.length, next };
  return values.plan === undefined ? parseFurtherOptions(given, normal) : given;
}

/** `IMAGE -b SRC -- COMMAND`: without the `--`, what follows the image is the command. */
function parseFurtherOptions(given: Given, before: readonly string[]): Given {
  const { words, next } = given;
  const first = words[next + 1];
  if (!first?.startsWith('-') || first === '-' || first === '--' || !words.includes('--', next + 2))
    return given;
  const further = normalizeWords(words.slice(next + 1));
  const dashes = next + further.next;
  if (words[dashes] !== '--') {
    throw usageError(
      `expected an option or -- behind the image, got '${words[dashes + 1]}'`,
      'a command that begins with - stands behind --',
    );
  }
  const normal = [...before, ...further.normal];
  return { words, values: parseNormalWords(normal), count: normal.length, next, dashes };
}

/** Whether options come from files and variables, too: what only prints something needs none, but for a list of images. */
export function takesSettings({ values }: Given): boolean {
  return optionTable.every(
    ({ name, settable }) =>
      settable !== 'never' || name === 'list' || values[name as OptionName] === undefined,
  );
}

/** Parses the words after the program's name, as if nothing else could set options. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const given = parseOptions(words);
  return interpret(given, given.values);
}

/** What is asked for by the options given, and `values` of all options. Throws LaunchError with exit status 64. */
export function interpret(given: Given, values: Values): CommandLine {
  const { words, count, next, topic } = given;
  if (values.help) return { kind: 'help', ...(topic ? { topic } : {}) };
  if (values.usage) return { kind: 'usage' };
  if (values.version) return { kind: 'version' };
  if (values.list !== undefined) return parseList(values);
  if (values.doctor !== undefined)
    return { kind: 'doctor', format: parseTextOrJson('doctor', String(values.doctor) || 'text') };
  if (values.completion !== undefined) return parseCompletion(String(values.completion));
  if (values['memo-clear']) return { kind: 'memo-clear' };
  if (values.feature !== undefined) return { kind: 'feature', feature: String(values.feature) };
  if (values.plan !== undefined) {
    if (count > 1) throw usageError('--plan takes no other option: they are part of the plan');
    return { kind: 'run-plan', file: String(values.plan), commandIndex: commandAfter(words, next) };
  }
  return parseLaunch(values, given);
}

function parseLaunch(values: Values, { words, next, dashes }: Given): CommandLine {
  const image = words[next];
  if (image === undefined) throw usageError('expected IMAGE -- COMMAND after the options');
  const dryRun = values['dry-run'];
  const request = toRequest(values, image);
  if (dryRun === undefined) {
    const keyWords = values['no-memo'] ? 0 : (dashes ?? next + 1);
    return { kind: 'launch', request, commandIndex: commandAfter(words, dashes ?? next + 1), keyWords };
  }
  return {
    kind: 'launch',
    request,
    commandIndex: next + 1,
    keyWords: 0,
    dryRun: parseFormat(String(dryRun)),
  };
}

function parseCompletion(word: string): CommandLine {
  const [, image] = /^commands:(.*)$/s.exec(word) ?? [];
  if (image !== undefined || word === 'images') return { kind: 'completion', image };
  const shell = shells.find((each) => each === word);
  if (shell === undefined) throw valueError('completion', shells.join(', '), word);
  return { kind: 'completion', shell };
}

function parseList(values: Values): CommandLine {
  const format = parseTextOrJson('list', String(values.list) || 'text');
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

/** The only call of yargs. */
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
