/** Containers that run while a test looks at them, and the file-system servers behind them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  environmentOf,
  isRoot,
  launcher,
  makeImage,
  scratch,
  type Tree,
  type User,
} from '../helpers/support.js';

/** A container whose command waits for a line on its standard input. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Lets the command go on; what it printed until its end, and how it ended. */
  finish(): Promise<{
    readonly text: string;
    readonly status: number | null;
    readonly signal: string | null;
  }>;
}

/** Starts `script` by the shell of an image, after a line that says so, and waits for that line. */
export async function startWaiting(
  t: Test,
  user: User,
  words: readonly string[],
  script: string,
  program = launcher,
): Promise<Running> {
  const child = spawn(program, [...words, '--', 'sh', '-c', `echo ready; read line; ${script}`], {
    detached: true,
    env: environmentOf(user),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  t.teardown(() => child.kill('SIGKILL'));
  let text = '';
  const ended = new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (...how) => resolve(how)),
  );
  child.stdin?.on('error', () => {});
  child.stderr?.on('data', (part) => {
    text += part;
  });
  await new Promise<void>((resolve) => {
    child.stdout?.on('data', (part) => {
      text += part;
      if (text.includes('ready\n')) resolve();
    });
    ended.then(() => resolve());
  });
  if (!text.includes('ready\n')) t.fail(`did not start: ${text}`);
  const finish = async () => {
    child.stdin?.end('go\n');
    const [status, signal] = await ended;
    return { text: text.replace('ready\n', ''), status, signal };
  };
  return { child, pid: child.pid ?? 0, finish };
}

/** Process ids of the file-system servers of an image. */
export function serversOf(image: string): number[] {
  return processesOf(image).filter((pid) => commandLine(pid)[0] === 'ch-run-ts-squashfs');
}

/** The same, and those that mount for them and save what was read: they have another name. */
export function processesOf(image: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => commandLine(pid).includes(image));
}

function commandLine(process: number): string[] {
  try {
    return readFileSync(`/proc/${process}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Packs a directory; `options` as of mksquashfs. */
export function pack(directory: string, file: string, options: readonly string[] = []): string {
  rmSync(file, { force: true });
  const words = [directory, file, '-noappend', '-quiet', '-no-progress', ...options];
  execFileSync('mksquashfs', words, { stdio: 'ignore' });
  return file;
}

/** A small SquashFS image of the test's own, with the probe, `tree`, and a place for more beside it. */
export function packImage(
  t: Test,
  tree: Tree,
  user: User,
  options: readonly string[] = [],
): { readonly file: string; readonly place: string } {
  const place = scratch(t, user);
  return { file: pack(makeImage(t, tree, user), join(place, 'img.sqfs'), options), place };
}
