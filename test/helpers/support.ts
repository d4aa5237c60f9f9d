/** What the tests share: a stage that every user can reach, the users, and starting the launcher as one of them. */
import { execFileSync, type SpawnSyncOptions, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import tap, { type Test } from 'tap';

export const checkout = join(import.meta.dirname, '../..');

function findStage(): string {
  const { CH_RUN_TS_TEST_STAGES: stages, TAP_JOB_ID: lane = '0' } = process.env;
  if (stages) return join(stages, lane);
  const made = execFileSync('bash', [join(checkout, 'test/helpers/make-stage')], { encoding: 'utf8' }).trim();
  tap.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A directory that every user can access; test/helpers/make-stage says what is in it. */
export const stage = findStage();
export const launcher = join(stage, 'package/bin/ch-run-ts');
/** The launcher built with address and undefined-behaviour sanitizers. */
export const sanitizedLauncher = join(stage, 'package/sanitized/ch-run-ts');
export const probe = join(stage, 'probe');
/** An image with everyday programs and the probe at /probe; tests do not change it. */
export const image = join(stage, 'image');

/** The same image as a SquashFS file. */
export const squashed = join(stage, 'image.sqfs');
/** Why SquashFS images can't be run here; undefined if they can. */
export const noSquashfs = findSquashfsObstacle();

function findSquashfsObstacle(): string | undefined {
  if (!existsSync(join(stage, 'package/build/Release/ch-run-ts-squashfs'))) return 'built without SquashFS';
  if (!existsSync(squashed)) return 'there is no mksquashfs';
  return existsSync('/dev/fuse') ? undefined : 'there is no /dev/fuse';
}

/** Who runs the launcher. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = process.getuid?.() === 0;

const testUid = Number(readFileSync(join(stage, 'uid'), 'utf8'));

/** For root, a user that the name service does not know; else the caller. */
export const ordinaryUser: User = {
  name: 'an ordinary user',
  uid: testUid,
  gid: isRoot ? testUid + 1 : (process.getgid?.() ?? 0),
};
export const root: User = { name: 'root', uid: 0, gid: 0 };

/** The users as whom the launcher can be run: root only if we are root. */
export const users: readonly User[] = isRoot ? [root, ordinaryUser] : [ordinaryUser];

/** With CI=true, what can't be tested is a failure: a machine that skips proves nothing. */
export function skip(t: Test, reason: string): void {
  if (process.env.CI === 'true') t.fail(`can't be tested here: ${reason}`);
  else t.pass(reason, { skip: reason });
  t.end();
}

/** The test's own directory, which belongs to `user` and which every user can access. */
export function scratch(t: Test, user: User = ordinaryUser): string {
  const path = mkdtempSync(join(stage, 'scratch-'));
  chmodSync(path, 0o755);
  if (isRoot) chownSync(path, user.uid, user.gid);
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The content of an image: text is a file, null a directory, `{ link }` a symbolic link. */
export type Tree = Readonly<Record<string, string | Uint8Array | null | { readonly link: string }>>;

const smallest: Tree = {
  'dev/': null,
  'proc/': null,
  'sys/': null,
  'tmp/': null,
  'etc/passwd': '',
  'etc/group': '',
  'mnt/': null,
};

/** Puts `tree` below `directory`, owned by `user`; names that end in a slash are directories. */
export function plant(directory: string, tree: Tree, user: User = ordinaryUser): void {
  const own = (path: string) => isRoot && lchownSync(path, user.uid, user.gid);
  for (const [name, content] of Object.entries(tree)) {
    const path = join(directory, name);
    makeDirectories(content === null ? path : dirname(path), own);
    if (content === null) continue;
    if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, path);
    else writeFileSync(path, content, { mode: 0o755 });
    own(path);
  }
}

function makeDirectories(path: string, own: (path: string) => void): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path), own);
  mkdirSync(path);
  own(path);
}

/** A small image of the test's own, owned by `user`: mount points, the probe at /probe, and `tree`. */
export function makeImage(t: Test, tree: Tree = {}, user: User = ordinaryUser): string {
  const path = join(scratch(t, user), 'img');
  plant(path, { ...smallest, ...tree }, user);
  linkSync(probe, join(path, 'probe'));
  if (isRoot) chownSync(path, user.uid, user.gid);
  return path;
}

/** A copy of the image with everyday programs, owned by `user`. */
export function copyImage(t: Test, user: User = ordinaryUser): string {
  const path = join(scratch(t, user), 'img');
  cpSync(image, path, { recursive: true, verbatimSymlinks: true });
  if (isRoot) execFileSync('chown', ['-hR', `${user.uid}:${user.gid}`, path]);
  return path;
}

/** How a program ended, and what it printed. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: number;
}

/** The environment of every start: nothing of the machine that the tests run on. */
export function environmentOf(user: User): NodeJS.ProcessEnv {
  const home = join(stage, `home-${user.uid}`);
  mkdirSync(home, { recursive: true });
  if (isRoot) chownSync(home, user.uid, user.gid);
  return { PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, HOME: home, USER: 'somebody' };
}

export type StartOptions = Pick<SpawnSyncOptions, 'cwd' | 'input' | 'stdio' | 'argv0' | 'timeout'> & {
  /** Additions to the environment. */
  readonly env?: NodeJS.ProcessEnv;
};

/** Starts a program as `user` and waits for its end. */
export function start(
  user: User,
  program: string,
  words: readonly string[],
  options: StartOptions = {},
): Ending {
  const { status, signal, stdout, stderr, pid, error } = spawnSync(program, words, {
    cwd: stage,
    timeout: 120_000,
    ...options,
    encoding: 'utf8',
    env: { ...environmentOf(user), ...options.env },
    maxBuffer: 1 << 26,
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  if (error) throw error;
  return { status, signal, stdout: String(stdout), stderr: String(stderr), pid };
}

/** Starts the launcher as `user`. */
export function run(user: User, words: readonly string[], options?: StartOptions): Ending {
  return start(user, launcher, words, options);
}

/** Starts the launcher, which must succeed and print nothing on standard error; returns what it printed. */
export function runQuietly(t: Test, user: User, words: readonly string[], options?: StartOptions): string {
  const { status, signal, stdout, stderr } = run(user, words, options);
  t.same({ status, signal, stderr }, { status: 0, signal: null, stderr: '' }, `ends well as ${user.name}`);
  return stdout;
}

/** Runs `script` in the shell of an image; returns its output, trimmed. */
export function runShell(t: Test, user: User, words: readonly string[], script: string): string {
  return runQuietly(t, user, [...words, '--', 'sh', '-c', script]).trim();
}

/** What the probe program reports (test/helpers/probe.cc). */
export interface Report {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly pid: number;
  readonly ppid: number;
  readonly cwd: string;
  readonly descriptors: Readonly<
    Record<string, { readonly target: string; readonly flags: number; readonly closeOnExec: boolean }>
  >;
  readonly limits: readonly string[];
  readonly status: readonly string[];
  readonly mounts: readonly string[];
  readonly [number: string]: unknown;
}

/** The environment in a report, by name. */
export function variables(report: Report): Record<string, string> {
  return Object.fromEntries(
    report.env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

/** Runs the probe in an image and returns its report. */
export function probeIn(
  t: Test,
  user: User,
  words: readonly string[],
  options?: StartOptions & { readonly arguments?: readonly string[] },
): Report {
  const { arguments: more = [], ...rest } = options ?? {};
  return JSON.parse(runQuietly(t, user, [...words, '--', '/probe', 'report', ...more], rest)) as Report;
}

/** Asserts that a start failed with this status, and that standard error has these parts, in this form. */
export function failsWith(
  t: Test,
  ending: Ending,
  status: number,
  message: string | RegExp,
  hint?: string | RegExp,
): void {
  t.equal(ending.status, status, `status ${status}: ${ending.stderr.trim()}`);
  const [first = '', second = '', ...rest] = ending.stderr.trimEnd().split('\n');
  t.match(first, /^ch-run-ts\[\d+\]: error: [^A-Z].*[^.]$/, 'the first line is an error');
  t.match(first, message);
  if (hint !== undefined) t.match(second, hint);
  if (second) t.match(second, /^ch-run-ts\[\d+\]: hint: /, 'the second line is a hint');
  t.same(rest, [], 'that is all');
}

/** The text of a committed file. */
export function committed(path: string): string {
  return readFileSync(join(checkout, path), 'utf8');
}

/** Whether something becomes true; the limit only ends what would wait forever, on a busy machine too. */
export async function eventually(condition: () => boolean, seconds = 60): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Asserts that one of several attempts takes less than this many milliseconds: other tests may use the processor, too. */
export function isQuick(t: Test, limit: number, attempt: () => void, what = 'it is quick'): void {
  const times: number[] = [];
  while (times.length < 10 && Math.min(...times) >= limit) {
    const begin = performance.now();
    attempt();
    times.push(performance.now() - begin);
  }
  t.ok(Math.min(...times) < limit, `${what}: ${times.map(Math.round).join(', ')} ms`);
}
