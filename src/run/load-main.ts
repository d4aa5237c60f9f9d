/**
 * The script that Node starts: the bundled main.ts, with V8's code cache, if it fits this Node, to avoid compiling.
 * Arguments: `--decide=DESCRIPTOR PROGRAM ARGUMENT…`, from the launcher, which reads the outcome from there; or, to
 * show plans without the launcher, the arguments alone.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { ExitStatus } from '../base/errors.js';
import { readRecords } from '../base/records.js';
import type * as main from './main.js';

/** The bundle is a script whose value is this function. */
type Bundle = (url: string) => typeof main;

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

const directory = dirname(fileURLToPath(import.meta.url));
const filename = join(directory, 'main.bundle.js');
// the bundle is ASCII; V8 does not use a cache made by another Node or from another bundle
const script = new Script(readFileSync(filename, 'latin1'), {
  filename,
  cachedData: readIfThere(join(directory, 'main.cache')),
});
const { main: run, native } = (script.runInThisContext() as Bundle)(import.meta.url);

/** The last `count` arguments of this process: process.argv has U+FFFD for bytes that are not UTF-8. */
function lastWords(count: number): readonly string[] {
  return native
    .content('/proc/self/cmdline')
    .text.split('\0')
    .slice(-count - 1, -1);
}

async function start(): Promise<number> {
  const [, script = '', option = '', program = ''] = process.argv;
  const [, descriptor] = /^--decide=(\d+)$/.exec(option) ?? [];
  if (descriptor !== undefined) {
    const outcome = await run(program, lastWords(process.argv.length - 4));
    native.write(Number(descriptor), outcome);
    return 0;
  }
  const launcher = join(directory, '../bin/ch-run-ts');
  const [first] = readRecords(await run(launcher, [script, ...lastWords(process.argv.length - 2)]));
  if (first?.name === 'status') return Number(first.fields[0]);
  console.error(`ch-run-ts: error: this is the command-line interpreter alone, which starts no containers`);
  console.error(`ch-run-ts: hint: start ${launcher} instead`);
  return ExitStatus.failure;
}

start().then(
  (status) => {
    process.exitCode = status;
  },
  (error) => {
    // our own output functions need the native part
    console.error(
      `ch-run-ts: error: ${error.message}${error.hint ? `\nch-run-ts: hint: ${error.hint}` : ''}`,
    );
    process.exitCode = ExitStatus.failure;
  },
);
