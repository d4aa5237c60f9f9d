/** Normalizes arguments so that a parser can't misread them: each becomes `--name` or `--name=value`. */
import { usageError } from '../base/errors.js';
import { nearestName } from '../base/nearest.js';
import type { Option } from './program.js';

/** Precedes every value: yargs drops a pair of quotes around a value, and an empty value in a list. */
const guard = '=';

/** Removes the guard. */
export function removeGuard(value: unknown): string {
  return String(value).slice(guard.length);
}

/**
 * Rewrites each option as `--name` or `--name=value`, and finds where they end, and whether by `--`. yargs can't do this
 * part: it has no unambiguous prefixes, and an option with an optional value takes the next argument. With `oneDash`,
 * `-name` is `--name` if there is such an option.
 */
export function normalizeWords(
  options: readonly Option[],
  words: readonly string[],
  oneDash = false,
): { normal: string[]; next: number; dashes: boolean } {
  const normal: string[] = [];
  let next = 0;
  let dashes = false;
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
    dashes = word === '--';
    if (dashes) break;
    if (word.startsWith('--')) takeValue(...parseLongWord(options, word));
    else if (oneDash && isLongName(options, word)) takeValue(...parseLongWord(options, `-${word}`));
    else parseShortWord(options, word, takeValue);
  }
  return { normal, next, dashes };
}

/**
 * Whether --log=json is one of the arguments, or else the value of CH_RUN_LOG, before they are parsed: for parse
 * errors. The launcher does the same (addon/launcher/log/log.cc) for errors before there is a plan.
 */
export function guessLog(words: readonly string[], variable?: string): 'text' | 'json' {
  const dashes = words.indexOf('--');
  const firstOther = words.findIndex((word) => !word.startsWith('-'));
  const end = dashes >= 0 ? dashes : firstOther >= 0 ? firstOther : words.length;
  const given = words.slice(0, end).flatMap((word, at) => {
    if (word === '--log') return [words[at + 1]];
    return word.startsWith('--log=') ? [word.slice('--log='.length)] : [];
  });
  return [variable, ...given].at(-1) === 'json' ? 'json' : 'text';
}

/** `-name` or `-name=value`, of an option with this very name. */
function isLongName(options: readonly Option[], word: string): boolean {
  return options.some(({ name }) => word === `-${name}` || word.startsWith(`-${name}=`));
}

function parseLongWord(options: readonly Option[], word: string): [Option, string | undefined] {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  return [findOption(options, name), equals < 0 ? undefined : word.slice(equals + 1)];
}

/** The option that help is wanted for: `bind`, `--bind` or `-b`. Throws LaunchError if there is none. */
export function findTopic(options: readonly Option[], word: string): Option {
  const name = word.replace(/^--?/, '');
  return options.find(({ short }) => short === name) ?? findOption(options, name);
}

/** `-wvb SRC`, `-bSRC`: letters up to the first that takes a value, which is the rest of the word or the next one. */
function parseShortWord(
  options: readonly Option[],
  word: string,
  take: (option: Option, attached: string | undefined) => void,
): void {
  for (let at = 1; at < word.length; at++) {
    const option = options.find(({ short }) => short === word[at]);
    if (option === undefined)
      throw usageError(`unknown option -${word[at]}${word.length > 2 ? ` in ${word}` : ''}`);
    if (option.value !== 'none') {
      take(option, word.slice(at + 1) || undefined);
      return;
    }
    take(option, undefined);
  }
}

/** The option with this long name, or an unambiguous abbreviation of it. */
function findOption(options: readonly Option[], name: string): Option {
  const exact = options.find((option) => option.name === name);
  if (exact) return exact;
  const candidates = options.filter((option) => option.name.startsWith(name));
  if (candidates.length === 1 && candidates[0] !== undefined) return candidates[0];
  if (candidates.length > 1) {
    throw usageError(`--${name} is ambiguous: ${candidates.map((option) => `--${option.name}`).join(', ')}`);
  }
  const near = nearestName(
    name,
    options.map((option) => option.name),
  );
  throw usageError(`unknown option --${name}`, near && `did you mean --${near}?`);
}
