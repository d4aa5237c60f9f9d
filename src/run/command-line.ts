/** What a command line of ch-run-ts requests. */
import { usageError, valueError } from '../base/errors.js';
import { type Shell, shells } from '../cli/completion/values.js';
import { type Given, parseOptions } from '../cli/parse.js';
import type { Command, Option } from '../cli/program.js';
import { checkValues, type RawValues } from '../cli/values.js';
import { options, type RunOption, type RunValues } from './options.js';
import { program } from './program.js';
import type { LaunchRequest } from './request.js';
import { directoryOf, toRequest } from './to-request.js';

/** How --dry-run prints the plan. */
export type PlanFormat = NonNullable<RunValues['dry-run']>;

/**
 * What the command line requests. `commandIndex` is the position of the user's command in the arguments; `keyWords` is
 * the number of arguments before it, without the `--`, under which the plan is remembered; 0: it is not remembered.
 */
export type CommandLine =
  | { readonly kind: 'help'; readonly topic?: Option | Command }
  | { readonly kind: 'usage' | 'version' | 'memo-clear' }
  | { readonly kind: 'feature'; readonly feature: string }
  | { readonly kind: 'list'; readonly storage?: string; readonly format: 'text' | 'json' }
  | { readonly kind: 'doctor'; readonly format: 'text' | 'json' }
  | { readonly kind: 'completion'; readonly shell: Shell }
  /** Queries of the completion scripts: the commands in an image, or else the names of images. */
  | { readonly kind: 'completion'; readonly image: string | undefined }
  | { readonly kind: 'run-plan'; readonly file: string; readonly commandIndex: number }
  | {
      readonly kind: 'launch';
      readonly request: LaunchRequest;
      readonly commandIndex: number;
      readonly keyWords: number;
      readonly dryRun?: PlanFormat;
    };

/** Parses the arguments, as if nothing else could set options. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const given = parseOptions(program, words);
  return interpret(given, given.values);
}

/** What the given options request, with `raw` values of all options. Throws LaunchError with exit status 64. */
export function interpret(given: Given, raw: RawValues): CommandLine {
  const { topic } = given;
  const has = (name: RunOption['name']) => raw[name] !== undefined;
  if (has('help')) return { kind: 'help', ...(topic ? { topic } : {}) };
  if (has('usage')) return { kind: 'usage' };
  if (has('version')) return { kind: 'version' };
  // an action ignores other options
  const { list, storage, doctor, completion, feature, plan } = checkValues(options.filter(isOfAction), raw);
  if (list !== undefined)
    return {
      kind: 'list',
      format: list,
      ...(storage === undefined ? {} : { storage: directoryOf(storage, 'storage') }),
    };
  if (doctor !== undefined) return { kind: 'doctor', format: doctor };
  if (completion !== undefined) return parseCompletion(completion);
  if (has('memo-clear')) return { kind: 'memo-clear' };
  if (feature !== undefined) return { kind: 'feature', feature };
  return plan === undefined ? parseLaunch(checkValues(options, raw), given) : parsePlan(plan, given);
}

const isOfAction = (option: RunOption) => 'action' in option || option.name === 'storage';

function parsePlan(file: string, { words, count, next }: Given): CommandLine {
  if (count > 1) throw usageError('--plan takes no other options: they are part of the plan');
  const commandIndex = commandAfter(words, next);
  if (commandIndex === words.length) throw usageError('no command to run in the container');
  return { kind: 'run-plan', file, commandIndex };
}

function parseLaunch(values: RunValues, { words, next, dashes }: Given): CommandLine {
  const image = words[next];
  if (image === undefined) throw usageError('expected IMAGE -- COMMAND after the options');
  const dryRun = values['dry-run'];
  const commandIndex = commandAfter(words, dashes ?? next + 1);
  const request: LaunchRequest = {
    ...toRequest(values, image),
    // a plan that is only shown may be for any command
    ...(commandIndex === words.length && dryRun === undefined ? { imageConfig: 'run' } : {}),
  };
  if (dryRun !== undefined) return { kind: 'launch', request, commandIndex, keyWords: 0, dryRun };
  const keyWords = values['no-memo'] ? 0 : (dashes ?? next + 1);
  return { kind: 'launch', request, commandIndex, keyWords };
}

function parseCompletion(word: string): CommandLine {
  const [, image] = /^commands:(.*)$/s.exec(word) ?? [];
  if (image !== undefined || word === 'images') return { kind: 'completion', image };
  const shell = shells.find((each) => each === word);
  if (shell === undefined) throw valueError('completion', shells.join(', '), word);
  return { kind: 'completion', shell };
}

/** Where the command begins, if there is one. */
function commandAfter(words: readonly string[], next: number): number {
  return words[next] === '--' ? next + 1 : next;
}
