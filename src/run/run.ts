/** The command line interface: decides, then becomes the launcher. Started by the launcher with a handoff. */
import { readFileSync } from 'node:fs';
import { fromBytes } from '../base/bytes.js';
import { ExitStatus, LaunchError, usageError } from '../base/errors.js';
import { print, printError, printWarning, setProgram, setStyle } from '../base/messages.js';
import { renderCompletion } from '../cli/completion/render.js';
import { renderTopic, renderUsage } from '../cli/help.js';
import { guessLog } from '../cli/words.js';
import { configure, type Settings } from '../config/configure.js';
import { renderEntries } from '../config/render.js';
import { type Host, RealHost } from '../host/host.js';
import { launcherPath, loadNative } from '../host/native.js';
import { decodeRecords, encodePlan } from '../plan/encode.js';
import { renderPlan } from '../plan/render.js';
import { listCommands } from '../store/list-commands.js';
import { listNames, listStorage, renderList } from '../store/list-storage.js';
import { findStorage } from '../store/storage.js';
import type { CommandLine } from './command-line.js';
import { decide, subject } from './decide.js';
import { renderVersion, testFeature } from './features.js';
import { makePlan } from './plan/make-plan.js';
import { referToValues } from './plan/references.js';
import { program } from './program.js';

/** How the CLI was started: by the launcher, with a descriptor that holds what Node would spoil, or by hand. */
interface Invocation {
  /** Program name and arguments. */
  readonly words: readonly string[];
  /** The launcher's program file, and the descriptor. */
  readonly launcher?: { readonly program: string; readonly handoff: number };
}

function readInvocation(argv: readonly string[]): Invocation {
  const [, script = 'ch-run-ts', option = ''] = argv;
  if (!option.startsWith('--handoff=')) return { words: [script, ...argv.slice(2)] };
  const handoff = Number(option.slice('--handoff='.length));
  const records = decodeRecords(readFileSync(handoff));
  return {
    words: (records.get('words') ?? []).map(fromBytes),
    launcher: { program: fromBytes(records.get('program')?.[0] ?? Buffer.from(launcherPath)), handoff },
  };
}

/** Becomes the launcher, which becomes the command. */
function launch(invocation: Invocation, plan: Buffer, commandIndex: number, keyWords: number): never {
  const native = loadNative();
  if (!invocation.launcher) {
    throw new LaunchError('this is the command-line interpreter alone, which starts no containers', {
      hint: `start ${launcherPath} instead`,
    });
  }
  const { program, handoff } = invocation.launcher;
  // the words begin with the program's name, which the parser does not count
  return native.replaceProcess(program, plan, handoff, commandIndex + 1, keyWords);
}

function readPlanFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new LaunchError(`can't read the plan ${file}: ${(cause as Error).message}`, { path: file, cause });
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
): number {
  const { color, log } = line.request;
  setStyle({ color, log });
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
      return launch(invocation, encodePlan(kept ?? plan), line.commandIndex, kept ? line.keyWords : 0);
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

/** For completion: without storage, or with one that does not count, there are none. */
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
  // a name can have any byte but this one
  return names.map((name) => `${name}\0`).join('');
}

/** Loaded only here: what it needs of Node would delay every launch. */
async function runDoctor(invocation: Invocation, format: 'text' | 'json', host: Host): Promise<number> {
  const { examine, renderReport } = await import('../doctor/examine.js');
  const report = examine(invocation.launcher?.program ?? launcherPath, host);
  if (format === 'json') printJson(report);
  else print(1, renderReport(report));
  return report.healthy ? 0 : ExitStatus.failure;
}

async function run(invocation: Invocation): Promise<number> {
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
      print(1, renderVersion());
      return 0;
    case 'memo-clear':
      // the memory is the launcher's room: as the one word, --memo-clear never comes by here
      throw usageError("--memo-clear takes no other argument and can't be abbreviated");
    case 'list':
      return runList(line, host);
    case 'feature':
      return testFeature(line.feature);
    case 'completion':
      print(1, await completionText(line, host));
      return 0;
    case 'doctor':
      return runDoctor(invocation, line.format, host);
    case 'run-plan':
      return launch(invocation, readPlanFile(line.file), line.commandIndex, 0);
    case 'launch':
      return runLaunch(invocation, line, settings, host);
  }
}

/** Runs the command line in `argv` (as process.argv) and returns the exit status, unless it becomes the launcher. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const invocation = readInvocation(argv);
    setProgram(invocation.words[0] ?? '', program.name);
    setStyle({ log: guessLog(invocation.words.slice(1), process.env.CH_RUN_LOG) });
    return await run(invocation);
  } catch (error) {
    await printError(error);
    return error instanceof LaunchError ? error.exitStatus : ExitStatus.failure;
  }
}
