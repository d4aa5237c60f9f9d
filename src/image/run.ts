/** The command line interface of ch-image-ts. */
import { ExitStatus, LaunchError, usageError } from '../base/errors.js';
import { basename } from '../base/paths.js';
import { renderCompletion } from '../cli/completion/render.js';
import { shells } from '../cli/completion/values.js';
import { renderTopic } from '../cli/help.js';
import { type Given, parseOptions } from '../cli/parse.js';
import { optionsOf } from '../cli/program.js';
import { checkValues } from '../cli/values.js';
import { guessLog } from '../cli/words.js';
import { type Host, RealHost } from '../host/host.js';
import { print, printError, setProgram, setStyle } from '../host/messages.js';
import { native } from '../host/native.js';
import { encodeRecord } from '../plan/encode.js';
import { listNames } from '../store/list-storage.js';
import { findStorage } from '../store/storage.js';
import { bundleImage } from './bundle.js';
import { translateConvert } from './charliecloud/ch-convert.js';
import { translateImage } from './charliecloud/ch-image.js';
import type { Translated } from './charliecloud/words.js';
import { commitOverlay } from './commit.js';
import { convertImage } from './convert.js';
import { deleteImages } from './delete.js';
import { showRoom } from './df.js';
import { importImage } from './import.js';
import { inspectImage } from './inspect.js';
import { listImages } from './list.js';
import { logIn, logOut } from './login.js';
import type { ImageOption, ImageValues } from './options.js';
import { program } from './program.js';
import { pruneStorage } from './prune.js';
import { pullImage } from './pull.js';
import { pushImage } from './push.js';
import { rememberReads } from './remember.js';
import { tagImage } from './tag.js';
import { listRemoteTags } from './tags.js';
import type { Verb } from './verb.js';

/** By name, with how many operands each takes. */
const verbs: Readonly<Record<string, readonly [Verb, number, number]>> = {
  pull: [pullImage, 1, 2],
  tags: [listRemoteTags, 1, 1],
  commit: [commitOverlay, 3, 3],
  push: [pushImage, 2, 2],
  login: [logIn, 1, 1],
  logout: [logOut, 1, 1],
  import: [importImage, 1, 2],
  convert: [convertImage, 2, 2],
  bundle: [bundleImage, 2, 2],
  list: [listImages, 0, 0],
  inspect: [inspectImage, 1, 1],
  tag: [tagImage, 2, 2],
  remember: [rememberReads, 1, 1],
  delete: [deleteImages, 1, Number.MAX_SAFE_INTEGER],
  df: [showRoom, 0, 0],
  prune: [pruneStorage, 0, 0],
};

async function runCommand({ words, next, command, values: raw }: Given): Promise<void> {
  if (command === undefined) throw usageError('expected a command');
  const values = checkValues(optionsOf(program, command) as readonly ImageOption[], raw) as ImageValues;
  setStyle({ log: values.log ?? 'text' });
  const operands = words.slice(next);
  const [verb, least = 0, most = 0] = verbs[command.name] ?? [];
  if (operands.length < least || operands.length > most || !verb)
    throw usageError(
      `expected ${command.operands || 'nothing'} after ch-image-ts ${command.name}, got ${operands.length ? `'${operands.join(' ')}'` : 'nothing'}`,
    );
  await verb(operands, values, new RealHost());
}

/** For completion: if there is no storage, or it is not trusted, there are none. */
function imageNames(host: Host): string {
  const found = findStorage(undefined, host);
  const names = found === undefined || found.distrust ? [] : listNames(found.directory);
  // a name can contain any byte except this one
  return names.map((name) => `${name}\0`).join('');
}

async function run(words: readonly string[]): Promise<void> {
  const given = parseOptions(program, words);
  const { help, version, completion } = given.values;
  if (help !== undefined) return print(1, renderTopic(program, given.topic ?? given.command));
  if (version !== undefined)
    return print(1, native.version().replace(/^ch-run-ts (\S+).*/, 'ch-image-ts $1'));
  if (completion !== undefined) {
    const { completion: word } = checkValues(program.common as readonly ImageOption[], { completion });
    const shell = shells.find((each) => each === word);
    return print(1, shell ? renderCompletion(program, shell) : imageNames(new RealHost()));
  }
  return runCommand(given);
}

/** Links to the program that say what Charliecloud's programs say, with their statuses. */
const called: Readonly<
  Record<
    string,
    { translate(words: readonly string[], host: Host): Translated; failure: number; usage: number }
  >
> = {
  'ch-image': { translate: translateImage, failure: 1, usage: 2 },
  'ch-convert': { translate: translateConvert, failure: 1, usage: 1 },
};

async function runAs(name: string, words: readonly string[]): Promise<void> {
  const translated = called[name]?.translate(words, new RealHost()) ?? { words };
  if ('run' in translated) translated.run();
  else await run(translated.words);
}

function statusOf(name: string, error: unknown): number {
  const status = error instanceof LaunchError ? error.exitStatus : ExitStatus.failure;
  const theirs = called[name];
  if (theirs === undefined) return status;
  return status === ExitStatus.usage ? theirs.usage : theirs.failure;
}

/** Runs a command line. Returns a record: `status` with a number. */
export async function main(_program: string, words: readonly string[]): Promise<string> {
  const name = basename(words[0] ?? '');
  let status = 0;
  try {
    setProgram(words[0] ?? '', program.name);
    setStyle({ log: guessLog(words.slice(1), undefined) });
    await runAs(name, words.slice(1));
  } catch (error) {
    await printError(error);
    status = statusOf(name, error);
  }
  return encodeRecord(['status', String(status)]);
}
