/** Every party of a launch is killed at each of its system calls, one after the other. */
import { copyFileSync, cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import {
  eventually,
  launcher,
  makeImage,
  noSquashfs,
  ordinaryUser,
  plant,
  run,
  scratch,
  skip,
  stage,
  start,
  users,
} from '../helpers/support.js';
import { packImage, serversOf } from './servers.js';

/** The n-th call of a name in one of the threads. */
interface Point {
  readonly name: string;
  readonly n: number;
}

/** Each call in a log of `strace -f`, counted by thread, as strace counts when it injects. */
function pointsOf(log: string): readonly Point[] {
  const counts = new Map<string, number>();
  const points = new Map<string, Point>();
  for (const [, thread = '', name = ''] of log.matchAll(/^(?:(\d+) +)?(\w+)\(/gm)) {
    // strace may count the call that starts the program, a signal comes too late in what ends a thread, and how
    // signals are handled is set for each of them
    if (/^(execve|exit|exit_group|rt_sigaction)$/.test(name)) continue;
    const n = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, n);
    points.set(`${name} ${n}`, { name, n });
  }
  return [...points.values()];
}

/** What a launcher calls until the command starts. */
function launcherPoints(t: Test, words: readonly string[]): readonly Point[] {
  const path = join(scratch(t), 'calls');
  start(ordinaryUser, 'strace', ['-o', path, launcher, ...words]);
  const log = readFileSync(path, 'utf8');
  const points = pointsOf(log.slice(0, log.lastIndexOf('execve(')));
  t.ok(points.length > 50, `${points.length} system calls of ${words.join(' ')}`);
  return points;
}

/** Words that start strace so that it kills what follows at a point. */
function killAt({ name, n }: Point): string[] {
  return ['strace', '-o', '/dev/null', '-e', `trace=${name}`, '-e', `inject=${name}:signal=KILL:when=${n}`];
}

function startKilled(point: Point, words: readonly string[]) {
  const [program = '', ...options] = killAt(point);
  return start(ordinaryUser, program, [...options, launcher, ...words]);
}

/** No names have to be looked up for root, which would be most of all calls. */
const asRoot = ['--uid=0', '--gid=0'];
const command = ['/probe', 'status', '0'];

function listLeftovers(): readonly string[] {
  const script = join(import.meta.dirname, '../helpers/leftovers');
  return start(users[0] ?? ordinaryUser, 'bash', [script, stage]).stdout.split('\n');
}

/** What another file's tests have killed may still be going when this one begins. */
const before = listLeftovers();
const leftovers = () => listLeftovers().filter((line) => !before.includes(line));

test('a launcher killed at any of its system calls leaves nothing', async (t) => {
  const image = makeImage(t);
  for (const options of [
    ['-b', '/usr:/mnt'],
    ['-W', '-b', '/usr:/new/place'],
    ['--overlay', join(scratch(t), 'kept')],
  ]) {
    const words = [...asRoot, ...options, image, '--', ...command];
    run(ordinaryUser, words);
    const survived = launcherPoints(t, words).filter(
      (point) => startKilled(point, words).signal !== 'SIGKILL',
    );
    t.same(survived, [], 'each of them can be the last');
    // a killed process is gone a moment after its parent knows
    await eventually(() => leftovers().length === 0);
    t.same(leftovers(), [], 'nothing is left');
    t.equal(run(ordinaryUser, words).status, 0, 'and the next launch works');
  }
});

/** Copies of a SquashFS image, each with a server of its own, and plans that need neither Node nor memory. */
function* copies(t: Test) {
  const { file, place } = packImage(t, {}, ordinaryUser);
  const name = (index: number) => join(place, `${String(index).padStart(4, '0')}.sqfs`);
  renameSync(file, name(0));
  const { stdout } = run(ordinaryUser, ['--dry-run=plan', ...asRoot, name(0)]);
  for (let index = 0; ; index++) {
    if (index > 0) copyFileSync(name(0), name(index));
    plant(place, { plan: stdout.replaceAll(name(0), name(index)) });
    yield { image: name(index), words: ['--plan', join(place, 'plan'), '--', ...command] };
  }
}

/** Starts the launcher and says what was wrong about it; `slow` if that is all. */
function findFault(words: readonly string[]): string | undefined {
  const begin = Date.now();
  const { status, stderr } = run(ordinaryUser, words);
  if (status !== 0 || stderr !== '') return `status ${status}: ${stderr}`;
  return Date.now() - begin < 2000 ? undefined : 'slow';
}

/** Kills at a point; again if the next launch was slow, which on a busy machine says nothing yet. */
function killOften<T extends { readonly fault: string | undefined }>(kill: () => T): T {
  let ending = kill();
  for (let times = 1; times < 5 && ending.fault === 'slow'; times++) ending = kill();
  return ending;
}

test('a launcher of a SquashFS image killed at any of its system calls hinders no other', async (t) => {
  if (noSquashfs) return skip(t, noSquashfs);
  const images = copies(t);
  const faults: unknown[] = [];
  for (const point of launcherPoints(t, images.next().value?.words ?? [])) {
    const { signal, fault } = killOften(() => {
      const { words = [] } = images.next().value ?? {};
      return { signal: startKilled(point, words).signal, fault: findFault(words) };
    });
    if (signal !== 'SIGKILL' || fault) faults.push({ point, signal, fault });
  }
  t.same(faults, [], 'the next launch of the image works soon');
  await eventually(() => leftovers().length === 0);
  t.same(leftovers(), [], 'nothing is left');
});

/** A package whose file-system server is started behind words that its file `tracer` holds. */
function makeTracedPackage(t: Test) {
  const place = join(scratch(t), 'package');
  cpSync(join(stage, 'package'), place, { recursive: true });
  const server = join(place, 'build/Release/ch-run-ts-squashfs');
  const tracer = join(place, 'tracer');
  renameSync(server, `${server}.real`);
  writeFileSync(server, `#!/bin/sh\nexec $(cat ${tracer}) ${server}.real "$@"\n`, { mode: 0o755 });
  return (tracerWords: readonly string[], words: readonly string[]) => {
    writeFileSync(tracer, tracerWords.join(' '));
    return start(ordinaryUser, join(place, 'bin/ch-run-ts'), words);
  };
}

test('a server killed at any of its system calls hinders nobody', async (t) => {
  if (noSquashfs) return skip(t, noSquashfs);
  const images = copies(t);
  const launch = makeTracedPackage(t);
  const log = join(scratch(t), 'calls');
  const { image = '', words = [] } = images.next().value ?? {};
  t.match(launch(['strace', '-D', '-f', '-o', log], words), { status: 0, stderr: '' });
  t.ok(await eventually(() => serversOf(image).length === 0), 'the traced server has ended');
  const points = pointsOf(readFileSync(log, 'utf8'));
  t.ok(points.length > 100, `${points.length} system calls of the server`);

  const faults: unknown[] = [];
  const outcomes = new Map<string, number>();
  for (const point of points) {
    const [program = '', ...options] = killAt(point);
    const { outcome, stderr, fault } = killOften(() => {
      const { words = [] } = images.next().value ?? {};
      const { status, signal, stderr } = launch([program, '-D', '-f', ...options], words);
      return { outcome: String(status ?? signal), stderr, fault: findFault(words) };
    });
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    // 49 and SIGBUS: it was killed when the command was about to start, or ran
    if (fault || !/^(0|84|SIGBUS|SIGSEGV)$/.test(outcome)) faults.push({ point, outcome, stderr, fault });
  }
  t.same(faults, [], `${JSON.stringify([...outcomes])}, and the next launch works soon`);
  t.ok((outcomes.get('84') ?? 0) > 20, 'one that is killed early is status 84');
  await eventually(() => leftovers().length === 0);
  t.same(leftovers(), [], 'nothing is left');
});
