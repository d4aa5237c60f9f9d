/** The library for Node programs: as another program imports it, from the built package. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type * as Library from '../../src/index.js';
import {
  checkout,
  image,
  makeImage,
  ordinaryUser,
  type Report,
  scratch,
  stage,
  variables,
} from '../helpers/support.js';

const { launch, LaunchError, planLaunch }: typeof Library = await import(join(checkout, 'dist/index.js'));
const self = { ...ordinaryUser, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

/** Waits for the end of a child, and collects what it printed. */
async function ending(child: ChildProcess) {
  const text = { stdout: '', stderr: '' };
  child.stdout?.on('data', (part) => {
    text.stdout += part;
  });
  child.stderr?.on('data', (part) => {
    text.stderr += part;
  });
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (...how) => resolve(how)),
  );
  return { status, signal, ...text };
}

t.test('a container is started as a child process, and its output read', async (t) => {
  const child = launch(planLaunch({ image }), ['echo', 'hello', 'a b']);
  t.same(await ending(child), { status: 0, signal: null, stdout: 'hello a b\n', stderr: '' });
});

t.test("exit status and signal are the command's own", async (t) => {
  const plan = planLaunch({ image });
  for (const status of [1, 31, 42, 255]) {
    t.match(await ending(launch(plan, ['/probe', 'status', String(status)])), { status, signal: null });
  }
  t.match(await ending(launch(plan, ['/probe', 'die', '15'])), { status: null, signal: 'SIGTERM' });
});

t.test('the child is the command: pid, signals and standard streams', async (t) => {
  const child = launch(planLaunch({ image }), ['/probe', 'report'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = await ending(child);
  const report = JSON.parse(stdout) as Report;
  t.match(report, { pid: child.pid, ppid: process.pid, argv: ['/probe', 'report'] });
  const sleeper = launch(planLaunch({ image }), ['/probe', 'wait']);
  await new Promise((resolve) => sleeper.stdout?.once('data', resolve));
  sleeper.kill('SIGINT');
  t.match(await ending(sleeper), { signal: 'SIGINT' });
  const cat = launch(planLaunch({ image }), ['cat']);
  cat.stdin?.end('through\n');
  t.match(await ending(cat), { stdout: 'through\n', status: 0 });
});

t.test('no descriptor of the plan is left in the command', async (t) => {
  const { stdout } = await ending(launch(planLaunch({ image }), ['/probe']));
  const numbers = Object.entries((JSON.parse(stdout) as Report).descriptors);
  t.same(
    numbers.filter(([, { target }]) => target.includes('ch-run-ts')),
    [],
  );
});

t.test('stdio beyond the standard descriptors reaches the command', async (t) => {
  const child = launch(planLaunch({ image }), ['sh', '-c', 'echo three >&3'], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  let text = '';
  child.stdio[3]?.on('data', (part) => {
    text += part;
  });
  t.match(await ending(child), { status: 0 });
  t.equal(text, 'three\n');
});

t.test('a request is carried out: binds, environment, directory, ids, tmp', async (t) => {
  const place = scratch(t, self);
  const plan = planLaunch({
    image,
    binds: [{ source: place, destination: '/mnt' }],
    directory: '/usr',
    environment: [
      { kind: 'set', assignment: 'A=1', expand: true },
      { kind: 'unset', glob: 'SECRET' },
    ],
    uid: 7,
    gid: 8,
    tmp: 'private',
  });
  const { stdout } = await ending(launch(plan, ['/probe'], { env: { ...process.env, SECRET: 'x' } }));
  const report = JSON.parse(stdout) as Report;
  t.match(report, { cwd: '/usr', uid: 7, gid: 8 });
  t.match(variables(report), { A: '1' });
  t.notOk('SECRET' in variables(report));
  t.match(report.mounts.at(-1), ' /mnt ');
});

t.test('options of spawn are obeyed: env, cwd has no meaning inside, signal aborts', async (t) => {
  const { stdout } = await ending(launch(planLaunch({ image }), ['/probe'], { env: { ONLY: 'this' } }));
  t.match(variables(JSON.parse(stdout) as Report), { ONLY: 'this', HOME: '/root', CH_RUNNING: 'ch-run-ts' });
  const aborter = new AbortController();
  const child = launch(planLaunch({ image }), ['/probe', 'wait'], { signal: aborter.signal });
  child.on('error', () => {});
  child.stdout?.once('data', () => aborter.abort());
  t.match(await ending(child), { signal: 'SIGTERM' });
});

t.test('one plan starts many containers at once', async (t) => {
  const plan = planLaunch({ image });
  const endings = await Promise.all(
    Array.from({ length: 20 }, (_, index) => ending(launch(plan, ['/probe', 'status', String(index)]))),
  );
  t.same(
    endings.map(({ status }) => status),
    Array.from({ length: 20 }, (_, index) => index),
  );
});

t.test('--write changes the image', async (t) => {
  const own = makeImage(t, {}, self);
  writeFileSync(join(own, 'file'), '');
  t.match(await ending(launch(planLaunch({ image: own, writable: true }), ['/probe', 'status', '3'])), {
    status: 3,
  });
  t.ok(existsSync(join(own, 'file')));
});

t.test('what can not be planned is a LaunchError, and nothing is started', (t) => {
  t.throws(() => planLaunch({ image: '/no/image' }), LaunchError);
  t.throws(() => planLaunch({ image: join(stage, 'probe') }), /is a program \(ELF\)/);
  t.throws(() => planLaunch({ image, binds: [{ source: '/' }] }), LaunchError);
  t.end();
});

t.test('what can not be launched ends with our statuses and a message', async (t) => {
  const missing = await ending(launch(planLaunch({ image }), ['no-such-command']));
  t.match(missing, { status: 49, stderr: /error: can't start no-such-command: command not found/ });
  const nowhere = await ending(launch(planLaunch({ image, directory: '/none' }), ['true']));
  t.match(nowhere, { status: 31, stderr: /error: can't change to directory \/none/ });
  t.match(await ending(launch(planLaunch({ image }), [])), { status: 64, stderr: /no command to run/ });
});
