/** From arguments to values. The only importer of yargs. */
import { Parser } from 'yargs/helpers';
import { usageError } from '../base/errors.js';
import { nearestName } from '../base/nearest.js';
import { type Command, type Option, optionsOf, type Program } from './program.js';
import type { RawValue, RawValues } from './values.js';
import { findTopic, normalizeWords, removeGuard } from './words.js';

/** The options among the arguments, and where they end. */
export interface Given {
  readonly words: readonly string[];
  readonly values: RawValues;
  /** How many options there are. */
  readonly count: number;
  /** Where the arguments after the options begin. */
  readonly next: number;
  /** The command, if the program has commands and one was given. */
  readonly command?: Command;
  /** The position of the `--` after options that follow the image. */
  readonly dashes?: number;
  /** The topic given to --help. */
  readonly topic?: Option | Command;
}

/** Finds the options in the arguments. Throws LaunchError with exit status 64. */
export function parseOptions(program: Program, words: readonly string[]): Given {
  const [first = '', topic, ...rest] = words;
  if (['--help', '-?'].includes(first) && topic !== undefined && rest.length === 0)
    return { words, values: { help: true }, count: 1, next: 2, topic: findAbout(program, topic) };
  const { normal, next } = normalizeWords(program.common, words, program.oneDash);
  const given = { words, values: parseNormalWords(program.common, normal), count: normal.length, next };
  if (program.commands.length > 0) return parseCommand(program, given, normal);
  const acts = program.common.some(({ name, action }) => action && given.values[name] !== undefined);
  return program.form && !acts ? parseFurtherOptions(program.common, given, normal) : given;
}

function findAbout(program: Program, topic: string): Option | Command {
  return program.commands.find(({ name }) => name === topic) ?? findTopic(optionsOf(program), topic);
}

/** `COMMAND [OPTION...] [ARG...]` after the common options, which can also be given after COMMAND and between ARGs. */
function parseCommand(program: Program, given: Given, before: readonly string[]): Given {
  const { words, next } = given;
  const name = words[next];
  if (name === undefined) return given;
  const command = program.commands.find((each) => each.name === name);
  if (command === undefined) {
    const names = program.commands.map((each) => each.name);
    const near = nearestName(name, names);
    throw usageError(
      `there is no command '${name}'`,
      near ? `did you mean ${near}?` : `there are ${names.join(', ')}`,
    );
  }
  const { normal: further, operands } = separate(program, command, words.slice(next + 1));
  const normal = [...before, ...further];
  const values = parseNormalWords(optionsOf(program, command), normal);
  const all = [...words.slice(0, next + 1), ...operands];
  return { words: all, values, count: normal.length, next: next + 1, command };
}

/** Options and operands in any order, up to `--`. */
function separate(program: Program, command: Command, words: readonly string[]) {
  const options = optionsOf(program, command);
  const normal: string[] = [];
  const operands: string[] = [];
  let rest = words;
  while (rest.length > 0) {
    const isNumber = /^-\d+$/.test(rest[0] ?? ''); // a signal, as for kill(1)
    const found = isNumber
      ? { normal: [], next: 0, dashes: false }
      : normalizeWords(options, rest, program.oneDash);
    normal.push(...found.normal);
    const ended = command.startsCommand || found.dashes;
    const further = rest.slice(found.next);
    operands.push(...(ended ? further : further.slice(0, 1)));
    rest = ended ? [] : further.slice(1);
  }
  return { normal, operands };
}

/** `IMAGE -b SRC -- COMMAND`: without the `--`, what follows the image is the command. */
function parseFurtherOptions(options: readonly Option[], given: Given, before: readonly string[]): Given {
  const { words, next } = given;
  const first = words[next + 1];
  if (!first?.startsWith('-') || first === '-' || first === '--' || !words.includes('--', next + 2))
    return given;
  const further = normalizeWords(options, words.slice(next + 1));
  const dashes = next + further.next;
  if (words[dashes] !== '--') {
    throw usageError(
      `expected an option or -- after the image, got '${words[dashes + 1]}'`,
      'put a command that begins with - after --',
    );
  }
  const normal = [...before, ...further.normal];
  return { words, values: parseNormalWords(options, normal), count: normal.length, next, dashes };
}

/** Whether options are also taken from files and variables: most actions that only print something need none. */
export function takesSettings(program: Program, { values, command }: Given): boolean {
  return optionsOf(program, command).every(
    ({ name, action }) => action !== 'plain' || values[name] === undefined,
  );
}

/** The only call of yargs. */
function parseNormalWords(options: readonly Option[], normal: readonly string[]): RawValues {
  const named = (keep: (option: Option) => boolean) =>
    options.filter((option) => keep(option) && !option.sequence).map((option) => option.name);
  const sequences = [...new Set(options.flatMap(({ sequence }) => sequence ?? []))];
  const values: Readonly<Record<string, unknown>> = Parser([...normal], {
    array: [...named((option) => option.repeat === 'collect'), ...sequences],
    boolean: named((option) => option.value === 'none' && option.repeat !== 'count'),
    count: named((option) => option.repeat === 'count'),
    string: [...named((option) => option.value !== 'none'), ...sequences],
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
    },
  });
  const found = options.flatMap((option): [string, RawValue][] => {
    const key = option.sequence ?? option.name;
    // a counter is 0 if it was not given
    return values[key] ? [[key, toRaw(option, values[key])]] : [];
  });
  return Object.fromEntries(found);
}

function toRaw({ name, value, repeat }: Option, found: unknown): RawValue {
  if (repeat === 'count') return Number(found);
  if (value === 'none') return true;
  if (repeat === 'collect') return (Array.isArray(found) ? found : [found]).map(removeGuard);
  if (Array.isArray(found)) throw usageError(`--${name} was given more than once`);
  return removeGuard(found);
}
