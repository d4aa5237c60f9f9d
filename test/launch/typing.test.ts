/** What runs in a container can't type into the caller's terminal; and where there is none, nothing is filtered. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  checkout,
  committed,
  environmentOf,
  image,
  isRoot,
  launcher,
  makeImage,
  ordinaryUser,
  run,
  skip,
  start,
  type User,
  users,
} from '../helpers/support.js';

const program = join(checkout, 'build/test/typing');
mkdirSync(join(checkout, 'build/test'), { recursive: true });
const flags = ['-std=c++20', '-O1', '-static', '-Wall', '-Wextra', '-Werror', '-o', program];
execFileSync('g++', [...flags, join(checkout, 'test/launch/typing.cc')], { stdio: 'inherit' });

const setting = '/proc/sys/dev/tty/legacy_tiocsti';
const kernelRefuses = start(ordinaryUser, 'cat', [setting]).stdout.trim() === '0';
const python = committed('test/launch/typing.py');
const EPERM = 1;

interface Typing {
  readonly out: string;
  readonly error: string;
  readonly typed: string;
}

/** Runs `words` at a terminal of its own. */
function atTerminal(user: User, words: readonly string[], wrap: readonly string[] = []): Typing {
  const [first = 'python3', ...rest] = [...wrap, 'python3', '-', ...words];
  const { stdout, stderr } = start(user, first, rest, { input: python });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Typing;
}

function typesNothing(t: Test, { out, error, typed }: Typing): void {
  t.same({ error, typed }, { error: '', typed: '' });
  const ways = Object.entries(JSON.parse(out) as Record<string, number>);
  t.ok(ways.length >= 3);
  for (const [way, code] of ways) {
    if (kernelRefuses) t.not(code, 0, way);
    else t.equal(code, EPERM, way);
  }
}

const seccomp = ['--', 'grep', '-E', '^(Seccomp:|Specul)', '/proc/self/status'];

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`the command can't type into the caller's terminal${as}`, (t) => {
    const own = makeImage(t, { typing: readFileSync(program) }, user);
    if (!kernelRefuses) {
      t.match(atTerminal(user, [join(own, 'typing')]).typed, /^x+$/, 'without a container it can');
    }
    typesNothing(t, atTerminal(user, [launcher, own, '--', '/typing']));
    t.end();
  });

  t.test(`nor can a peer, nor who enters by --join-pid${as}`, async (t) => {
    const own = makeImage(t, { typing: readFileSync(program) }, user);
    const group = ['--join-ct=2', `--join-tag=typing-${process.pid}`];
    const words = [...group, own, '--', '/probe', 'wait'];
    const first = spawn(launcher, words, {
      env: environmentOf(user),
      detached: true,
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
    await new Promise((resolve) => first.stdout.once('data', resolve));
    typesNothing(t, atTerminal(user, [launcher, ...group, own, '--', '/typing']));
    typesNothing(t, atTerminal(user, [launcher, `--join-pid=${first.pid}`, own, '--', '/typing']));
    first.kill('SIGKILL');
    await new Promise((resolve) => first.once('close', resolve));
  });

  t.test(`without a terminal there is no filter, and never a slower processor${as}`, (t) => {
    const outside = start(user, 'setsid', ['-w', 'grep', '^Specul', '/proc/self/status']).stdout;
    const batch = start(user, 'setsid', ['-w', launcher, image, ...seccomp]);
    t.same([batch.stdout, batch.stderr], [`Seccomp:\t0\n${outside}`, '']);
    const { out } = atTerminal(user, [launcher, image, ...seccomp]);
    t.equal(out, `Seccomp:\t${kernelRefuses ? 0 : 2}\n${outside}`);
    t.end();
  });
}

t.test('where the kernel refuses by itself, there is no filter', (t) => {
  if (!isRoot) return skip(t, 'needs root, for a mount over the setting');
  const script = `mount --bind "$0" ${setting} && shift && exec "$@"`;
  const zero = join(makeImage(t, { zero: '0\n' }), 'zero');
  const wrap = ['unshare', '-m', 'sh', '-c', script, zero, '--'];
  const root = users[0] as User;
  t.match(atTerminal(root, [launcher, image, ...seccomp], wrap).out, /^Seccomp:\t0$/m);
  t.end();
});

t.test('a kernel without filters is told about', (t) => {
  if (kernelRefuses) return skip(t, 'the kernel refuses by itself');
  const strace = ['strace', '-o', '/dev/null', '-e', 'trace=seccomp', '-e', 'inject=seccomp:error=EINVAL'];
  const { out, error } = atTerminal(ordinaryUser, [...strace, launcher, image, '--', 'echo', 'runs']);
  t.equal(out, 'runs\n');
  t.match(
    error,
    /^ch-run-ts\[\d+\]: warning: processes in the container can insert input into your terminal \(TIOCSTI\): seccomp: /,
  );
  t.equal(run(ordinaryUser, [image, '--', 'true']).stderr, '');
  t.end();
});
