/**
 * The script that Node starts: the bundle of a program, with V8's code cache, if it fits this Node, to avoid compiling.
 * Arguments: `--decide=DESCRIPTOR:NAME`, from the program called NAME, which answers questions at that socket; or, to show
 * launch plans without the launcher, those of a command line.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { ExitStatus } from '../base/errors.js';
import { readRecords } from '../base/records.js';
import type { Engine, native } from './native.js';
import { programEngine } from './program-engine.js';

/** What a bundle exports (scripts/programs.mjs). */
interface Exports {
  /** Runs a command line, the name that the program was called by first; returns records. */
  main(program: string, words: readonly string[]): Promise<string>;
  readonly native: typeof native;
}

/** The bundle is a script whose value is this function. */
type Bundle = (url: string) => Exports;

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Of the program that this is started in place of, where there is no native one. */
function nameOf(script: string): string {
  return existsSync(join(directory, `${basename(script)}.bundle.js`)) ? basename(script) : 'ch-run-ts';
}

const directory = dirname(fileURLToPath(import.meta.url));
const [, script = '', option = ''] = process.argv;
const [, descriptor, name = nameOf(script)] = /^--decide=(\d+):(.+)$/.exec(option) ?? [];
const filename = join(directory, `${name}.bundle.js`);
// the bundle is ASCII; V8 does not use a cache made by another Node or from another bundle
const code = new Script(readFileSync(filename, 'latin1'), {
  filename,
  cachedData: readIfThere(join(directory, `${name}.cache`)),
});
const asker = descriptor === undefined ? undefined : programEngine(Number(descriptor));
if (asker) offer(asker);
const { main, native: host } = (code.runInThisContext() as Bundle)(import.meta.url);

/** To the bundle, as the built-in engine is offered. */
function offer({ ask, askBytes }: Omit<Engine, 'load'>): void {
  const root = dirname(directory);
  const load = (part: string) => {
    const filename = join(directory, `${part}.bundle.js`);
    return new Script(readFileSync(filename, 'utf8'), { filename }).runInThisContext();
  };
  Object.assign(globalThis, { chRunEngine: { ask, askBytes, load, root: root === '/' ? '' : root } });
  // signals are for the program, which cleans up; when it ends, so does this
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM']) process.on(signal, () => {});
}

/** The last `count` arguments of this process: process.argv has U+FFFD for bytes that are not UTF-8. */
function lastWords(count: number): readonly string[] {
  return host
    .content('/proc/self/cmdline')
    .text.split('\0')
    .slice(-count - 1, -1);
}

async function start(): Promise<number> {
  if (asker) {
    const [program = '', ...words] = asker.commandLine();
    asker.decided(await main(program, words));
    return 0;
  }
  const launcher = join(directory, `../bin/${name}`);
  const [first] = readRecords(await main(launcher, [script, ...lastWords(process.argv.length - 2)]));
  if (first?.name === 'status') return Number(first.fields[0]);
  console.error(`${name}: error: this is the command-line interpreter alone, which starts no containers`);
  console.error(`${name}: hint: start ${launcher} instead`);
  return ExitStatus.failure;
}

start().then(
  (status) => {
    process.exitCode = status;
  },
  (error) => {
    // our own output functions need the native part
    console.error(`${name}: error: ${error.message}${error.hint ? `\n${name}: hint: ${error.hint}` : ''}`);
    process.exitCode = ExitStatus.failure;
  },
);
