/** The command line interface: prints what was requested, or decides for the launcher, which waits for the outcome. */
import { ExitStatus, failure, LaunchError, usageError } from '../base/errors.js';
import { renderCompletion } from '../cli/completion/render.js';
import { renderTopic, renderUsage } from '../cli/help.js';
import { guessLog } from '../cli/words.js';
import { configure, type Settings } from '../config/configure.js';
import { renderEntries } from '../config/render.js';
import { type Host, RealHost } from '../host/host.js';
import { print, printError, printWarning, setProgram, setStyle } from '../host/messages.js';
import { native } from '../host/native.js';
import { encodePlan, encodeRecord } from '../plan/encode.js';
import { renderPlan } from '../plan/render.js';
import { listCommands } from '../store/list-commands.js';
import { listNames, listStorage, renderList } from '../store/list-storage.js';
import { findStorage } from '../store/storage.js';
import type { CommandLine } from './command-line.js';
import { decide, subject } from './decide.js';
import { testFeature } from './features.js';
import { makePlan } from './plan/make-plan.js';
import { referToValues } from './plan/references.js';
import { program } from './program.js';
import { pullIfMissing } from './pull.js';

/** How it was started. */
interface Invocation {
  /** The launcher's program file. */
  readonly program: string;
  /** The name that it was called by, and its arguments. */
  readonly words: readonly string[];
}

/** The exit status, if there is nothing to launch; or what to launch. */
type Outcome =
  | number
  | {
      readonly plan: string;
      /** Position of the user's command in the arguments, including the program's name. */
      readonly command: number;
      /** How many of the arguments the plan is remembered under; 0: it is not remembered. */
      readonly keyWords: number;
    };

function readPlanFile(file: string): string {
  try {
    return native.content(file).text;
  } catch (cause) {
    throw failure('read', `the plan ${file}`, cause);
  }
}

function printJson(data: unknown): void {
  print(1, `${JSON.stringify(data, null, 2)}\n`);
}

function runLaunch(
  invocation: Invocation,
  line: Extract<CommandLine, { kind: 'launch' }>,
  { entries, warnings }: Settings,
  host: Host,
): Outcome {
  const { color, log } = line.request;
  setStyle({ color, log });
  if (line.dryRun === undefined) pullIfMissing(line.request);
  const plan = makePlan(line.request, host, warnings);
  const options = entries.filter(({ option }) => option !== 'dry-run');
  switch (line.dryRun) {
    case 'text':
      print(1, renderEntries(options) + renderPlan(plan));
      return 0;
    case 'json':
      printJson({ options, ...plan });
      return 0;
    case 'plan':
      print(1, encodePlan(plan));
      return 0;
    default: {
      const key = invocation.words.slice(1, 1 + line.keyWords);
      const kept =
        line.keyWords > 0 ? referToValues(plan, entries, key, host.variables(program.prefix)) : undefined;
      return {
        plan: encodePlan(kept ?? plan),
        command: line.commandIndex + 1,
        keyWords: kept ? line.keyWords : 0,
      };
    }
  }
}

async function runList(
  { storage, format }: Extract<CommandLine, { kind: 'list' }>,
  host: Host,
): Promise<number> {
  const found = findStorage(storage, host);
  if (found === undefined)
    throw new LaunchError('there is no storage: USER is not set, and your user id has no name');
  if (found.distrust) await printWarning(found.distrust);
  const images = listStorage(found.directory);
  if (format === 'json') printJson(images);
  else print(1, renderList(images));
  return 0;
}

/** For completion: if there is no storage, or it is not trusted, there are none. */
function imageNames(storage: string | undefined, host: Host): readonly string[] {
  const found = findStorage(storage, host);
  return found === undefined || found.distrust ? [] : listNames(found.directory);
}

async function completionText(
  line: Extract<CommandLine, { kind: 'completion' }>,
  host: Host,
): Promise<string> {
  if ('shell' in line) return renderCompletion(program, line.shell);
  const { values } = await configure(subject, {}, host);
  const storage = values.storage === undefined ? undefined : String(values.storage);
  const names =
    line.image === undefined ? imageNames(storage, host) : listCommands(line.image, storage, host);
  // a name can contain any byte except this one
  return names.map((name) => `${name}\0`).join('');
}

/** Evaluated only here: no launch needs it. */
async function runDoctor(program: string, format: 'text' | 'json', host: Host): Promise<number> {
  const { examine, renderReport } = await import('../doctor/examine.js');
  const report = examine(program, host);
  if (format === 'json') printJson(report);
  else print(1, renderReport(report));
  return report.healthy ? 0 : ExitStatus.failure;
}

async function run(invocation: Invocation): Promise<Outcome> {
  const host = new RealHost();
  const { line, settings } = await decide(invocation.words.slice(1), host);
  switch (line.kind) {
    case 'help':
      print(1, renderTopic(program, line.topic));
      return 0;
    case 'usage':
      print(1, renderUsage(program));
      return 0;
    case 'version':
      print(1, native.version());
      return 0;
    case 'memo-clear':
      // the launcher handles remembered plans: as the only argument, --memo-clear never gets here
      throw usageError("--memo-clear takes no other argument and can't be abbreviated");
    case 'list':
      return runList(line, host);
    case 'feature':
      return testFeature(line.feature);
    case 'completion':
      print(1, await completionText(line, host));
      return 0;
    case 'doctor':
      return runDoctor(invocation.program, line.format, host);
    case 'run-plan':
      return { plan: readPlanFile(line.file), command: line.commandIndex + 1, keyWords: 0 };
    case 'launch':
      return runLaunch(invocation, line, settings, host);
  }
}

async function runSafely(invocation: Invocation): Promise<Outcome> {
  try {
    setProgram(invocation.words[0] ?? '', program.name);
    setStyle({ log: guessLog(invocation.words.slice(1), native.variable('CH_RUN_LOG')) });
    return await run(invocation);
  } catch (error) {
    await printError(error);
    return error instanceof LaunchError ? error.exitStatus : ExitStatus.failure;
  }
}

/** Runs a command line. Returns records: `status` with a number, or `launch` with the fields of {@link Outcome}. */
export async function main(program: string, words: readonly string[]): Promise<string> {
  const outcome = await runSafely({ program, words });
  if (typeof outcome === 'number') return encodeRecord(['status', String(outcome)]);
  const { plan, command, keyWords } = outcome;
  return encodeRecord(['launch', String(command), String(keyWords)]) + plan;
}
